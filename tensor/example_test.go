package tensor_test

import (
	"fmt"

	"trimtab/tensor"
)

// Inputs of a model are whole numbers.
func ExampleFromInt64s() {
	ids := tensor.FromInt64s(tensor.Shape{1, 3}, []int64{101, 7592, 102})
	kinds := tensor.FromInt32s(tensor.Shape{1, 3}, []int32{0, 0, 1})
	fmt.Println(ids.DType, ids.Shape)
	numbers, err := kinds.Int64s()
	fmt.Println(kinds.DType, numbers, err)
	// Output:
	// I64 [1, 3]
	// I32 [0 0 1] <nil>
}
