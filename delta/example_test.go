package delta_test

import (
	"fmt"

	"trimtab/delta"
)

func ExampleMethods() {
	for _, method := range delta.Methods() {
		fmt.Println(method)
	}
	// Output:
	// adapter: double_seq_bn
	// adapter: par_bn
	// adapter: scaled_par_bn
	// adapter: seq_bn
	// method: bitfit
	// method: full
	// method: head
	// peft_type: LORA
	// peft_type: PREFIX_TUNING
	// peft_type: PROMPT_TUNING
}
