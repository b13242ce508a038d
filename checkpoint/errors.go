package checkpoint

import "errors"

// Errors that a caller may tell apart. docs/formats says which rule gives which; wrong element
// types and impossible shapes wrap tensor.ErrDType and tensor.ErrShape.
var (
	ErrTruncated   = errors.New("file is truncated")
	ErrHeaderSize  = errors.New("header is too large")
	ErrHeader      = errors.New("malformed header")
	ErrDuplicate   = errors.New("duplicate name")
	ErrOffsets     = errors.New("wrong data offsets")
	ErrSize        = errors.New("wrong data size")
	ErrTrailing    = errors.New("data that no tensor claims")
	ErrIndex       = errors.New("wrong shard index")
	ErrFormat      = errors.New("not a checkpoint")
	ErrPickle      = errors.New("malformed PyTorch file")
	ErrPickleClass = errors.New("refused to build an object")
	ErrStrided     = errors.New("unsupported tensor layout")
	ErrName        = errors.New("wrong tensor name")
	ErrQuantized   = errors.New("malformed quantized weight")
)
