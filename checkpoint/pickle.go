package checkpoint

import (
	"bytes"
	"fmt"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"trimtab/tensor"
)

// unpickle interprets the pickle at the start of data and gives its value and length. load
// makes a storage of a persistent id.
func unpickle(data []byte, load func(id []any) (*storage, error)) (value any, length int, err error) {
	length, err = vet(data)
	if err != nil {
		return nil, 0, err
	}
	defer func() { // the interpreter panics on some malformed pickles
		if r := recover(); r != nil {
			value, err = nil, fmt.Errorf("%w: %v", ErrPickle, r)
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(data[:length]))
	u.FindClass = findClass
	u.PersistentLoad = func(id any) (any, error) {
		tuple, ok := id.(*types.Tuple)
		if !ok || load == nil {
			return nil, fmt.Errorf("%w: unexpected persistent id", ErrPickle)
		}
		return load(*tuple)
	}
	value, err = u.Load()
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrPickle, err)
	}
	return value, length, nil
}

// storage is the memory that tensors of a PyTorch file share.
type storage struct {
	key     string
	dtype   tensor.DType // Invalid: bytes whose type the tensors know
	numel   int
	data    []byte // filled in late in the legacy format
	claimed bool   // a legacy file's list of storages named it
}

// storageOf makes a storage of the fields of a persistent id: 'storage', its class, key, device, number of elements.
func storageOf(id []any) (*storage, error) {
	if len(id) < 5 || id[0] != "storage" {
		return nil, fmt.Errorf("%w: persistent id of %d fields, expected a storage", ErrPickle, len(id))
	}
	if len(id) > 5 && id[5] != nil {
		return nil, fmt.Errorf("%w: a view of a storage", ErrStrided)
	}
	class, ok1 := id[1].(storageClass)
	key, ok2 := id[2].(string)
	numel, ok3 := id[4].(int)
	if !ok1 || !ok2 || !ok3 || numel < 0 {
		return nil, fmt.Errorf("%w: unexpected types in the id of a storage", ErrPickle)
	}
	return &storage{key: key, dtype: class.dtype, numel: numel}, nil
}

// size is the storage's size in bytes.
func (s *storage) size() (int, error) {
	if s.dtype == tensor.Invalid {
		return s.numel, nil
	}
	return tensor.Shape{s.numel}.Bytes(s.dtype)
}

// storageClass is a class like torch.FloatStorage.
type storageClass struct{ dtype tensor.DType }

var storageClasses = map[string]storageClass{
	"torch.DoubleStorage": {tensor.F64}, "torch.FloatStorage": {tensor.F32}, "torch.HalfStorage": {tensor.F16},
	"torch.BFloat16Storage": {tensor.BF16}, "torch.LongStorage": {tensor.I64}, "torch.IntStorage": {tensor.I32},
	"torch.ShortStorage": {tensor.I16}, "torch.CharStorage": {tensor.I8}, "torch.ByteStorage": {tensor.U8},
	"torch.BoolStorage": {tensor.Bool}, "torch.ComplexFloatStorage": {tensor.C64},
	"torch.storage.UntypedStorage": {tensor.Invalid},
}

// dtypeNames are the element types that PyTorch has no storage class for; it names them beside untyped storages.
var dtypeNames = map[string]tensor.DType{
	"torch.float64": tensor.F64, "torch.float32": tensor.F32, "torch.float16": tensor.F16, "torch.bfloat16": tensor.BF16,
	"torch.int64": tensor.I64, "torch.int32": tensor.I32, "torch.int16": tensor.I16, "torch.int8": tensor.I8,
	"torch.uint64": tensor.U64, "torch.uint32": tensor.U32, "torch.uint16": tensor.U16, "torch.uint8": tensor.U8,
	"torch.bool": tensor.Bool, "torch.complex64": tensor.C64,
	"torch.float8_e4m3fn": tensor.F8E4M3, "torch.float8_e5m2": tensor.F8E5M2, "torch.float8_e8m0fnu": tensor.F8E8M0,
	"torch.float8_e4m3fnuz": tensor.F8E4M3FNUZ, "torch.float8_e5m2fnuz": tensor.F8E5M2FNUZ,
}

// findClass gives the few classes and functions that tensors need. OrderedDict is the interpreter's own.
func findClass(module, name string) (any, error) {
	full := module + "." + name
	if class, ok := storageClasses[full]; ok {
		return class, nil
	}
	if dtype, ok := dtypeNames[full]; ok {
		return dtype, nil
	}
	switch full {
	case "torch._utils._rebuild_tensor_v2":
		return call(rebuildV2), nil
	case "torch._utils._rebuild_tensor_v3":
		return call(rebuildV3), nil
	case "torch._utils._rebuild_parameter":
		return call(rebuildParameter), nil
	}
	return nil, fmt.Errorf("%w: %s; only dictionaries of tensors are read", ErrPickleClass, full)
}

// call is a function that a pickle may call.
type call func(args []any) (any, error)

// Call implements the interpreter's types.Callable.
func (c call) Call(args ...any) (any, error) { return c(args) }

// stridedTensor is a tensor as a pickle describes it.
type stridedTensor struct {
	storage *storage
	dtype   tensor.DType
	offset  int
	shape   []int
	strides []int
}

// rebuildV2 is PyTorch's _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata=None).
func rebuildV2(args []any) (any, error) {
	if len(args) != 6 && len(args) != 7 {
		return nil, fmt.Errorf("%w: tensor of %d arguments", ErrPickle, len(args))
	}
	if len(args) == 7 && !empty(args[6]) {
		return nil, fmt.Errorf("%w: conjugated or negated", ErrStrided)
	}
	return rebuild(args, tensor.Invalid)
}

// rebuildV3 is PyTorch's _rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata=None).
func rebuildV3(args []any) (any, error) {
	if len(args) != 7 && len(args) != 8 {
		return nil, fmt.Errorf("%w: tensor of %d arguments", ErrPickle, len(args))
	}
	dtype, ok := args[6].(tensor.DType)
	if !ok {
		return nil, fmt.Errorf("%w: tensor without an element type", ErrPickle)
	}
	if len(args) == 8 && !empty(args[7]) {
		return nil, fmt.Errorf("%w: conjugated or negated", ErrStrided)
	}
	return rebuild(args, dtype)
}

// empty reports whether v is None or an empty dictionary.
func empty(v any) bool {
	d, ok := v.(*types.Dict)
	return v == nil || ok && d.Len() == 0
}

// rebuildParameter is PyTorch's _rebuild_parameter(data, requires_grad, hooks).
func rebuildParameter(args []any) (any, error) {
	if len(args) != 3 {
		return nil, fmt.Errorf("%w: parameter of %d arguments", ErrPickle, len(args))
	}
	t, ok := args[0].(*stridedTensor)
	if !ok {
		return nil, fmt.Errorf("%w: parameter without a tensor", ErrPickle)
	}
	return t, nil
}

// rebuild makes a tensor of the arguments that its makers share. dtype is Invalid where the storage knows it.
func rebuild(args []any, dtype tensor.DType) (any, error) {
	s, ok1 := args[0].(*storage)
	offset, ok2 := args[1].(int)
	shape, ok3 := integers(args[2])
	strides, ok4 := integers(args[3])
	if !ok1 || !ok2 || !ok3 || !ok4 || len(shape) != len(strides) {
		return nil, fmt.Errorf("%w: unexpected arguments of a tensor", ErrPickle)
	}
	if dtype == tensor.Invalid {
		dtype = s.dtype
	}
	if dtype == tensor.Invalid {
		return nil, fmt.Errorf("%w: tensor without an element type", ErrPickle)
	}
	return &stridedTensor{storage: s, dtype: dtype, offset: offset, shape: shape, strides: strides}, nil
}

// integers reads a tuple of integers.
func integers(v any) ([]int, bool) {
	tuple, ok := v.(*types.Tuple)
	if !ok {
		return nil, false
	}
	list := make([]int, tuple.Len())
	for i, v := range *tuple {
		if list[i], ok = v.(int); !ok {
			return nil, false
		}
	}
	return list, true
}
