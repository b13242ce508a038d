package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"trimtab/tensor"
)

// Bitsandbytes is a File that reads as if bitsandbytes had not quantized it: a quantized weight is one tensor [out, in] of type F32, which
// is decoded when its elements are asked for. Numbers of rules are those of docs/formats/bitsandbytes.md.
type Bitsandbytes struct {
	*File
	weights map[string]*tensor.Tensor
	parts   map[string]bool // the tensors that weights are made of besides their codes
}

// The ends of names that tell a quantized weight from others.
const (
	weightName   = ".weight"
	state4Bit    = ".quant_state.bitsandbytes__"
	scales8Bit   = ".SCB"
	format8Bit   = ".weight_format"
	maxStateSize = 1 << 12
)

// OpenBitsandbytes finds the quantized weights of a file and checks them: their errors wrap [ErrQuantized]. The File stays the caller's.
func OpenBitsandbytes(f *File) (*Bitsandbytes, error) {
	b := &Bitsandbytes{File: f, weights: map[string]*tensor.Tensor{}, parts: map[string]bool{}}
	for _, name := range f.Names() {
		var t *tensor.Tensor
		var err error
		weight, kind, ok := strings.Cut(name, state4Bit)
		switch {
		case ok:
			t, err = b.fourBit(weight, kind)
		case strings.HasSuffix(name, scales8Bit):
			weight = strings.TrimSuffix(name, scales8Bit) + weightName
			t, err = b.eightBit(weight)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %s: %w", f.Where(name), ErrQuantized, weight, err)
		}
		b.weights[weight] = t
	}
	return b, b.complete()
}

// complete is an error about a weight of whole numbers that nothing tells the meaning of (rule B9).
func (b *Bitsandbytes) complete() error {
	for _, name := range b.File.Names() {
		d, _, _ := b.Info(name)
		if _, known := b.weights[name]; !known && !b.parts[name] && strings.HasSuffix(name, weightName) && (d == tensor.U8 || d == tensor.I8) {
			return fmt.Errorf("%s: %w: %s is of type %s, and neither %s nor %s is there for it", b.Where(name), ErrQuantized, name, d,
				name+state4Bit+"nf4", strings.TrimSuffix(name, weightName)+scales8Bit)
		}
	}
	return nil
}

// Names lists the tensors' names, sorted; what quantized weights are made of is not among them.
func (b *Bitsandbytes) Names() []string {
	return slices.DeleteFunc(b.File.Names(), func(name string) bool { return b.parts[name] })
}

// Tensor gives a tensor by its name.
func (b *Bitsandbytes) Tensor(name string) (*tensor.Tensor, bool) {
	if t, ok := b.weights[name]; ok {
		return t, true
	}
	if b.parts[name] {
		return nil, false
	}
	return b.File.Tensor(name)
}

// part takes a tensor that a weight is made of besides its codes.
func (b *Bitsandbytes) part(name string, d tensor.DType, elements int) (*tensor.Tensor, error) {
	t, err := b.typed(name, d, elements)
	b.parts[name] = err == nil
	return t, err
}

// typed is a tensor whose type and number of elements must be these; of a negative number any.
func (b *Bitsandbytes) typed(name string, d tensor.DType, elements int) (*tensor.Tensor, error) {
	t, ok := b.File.Tensor(name)
	if !ok {
		return nil, fmt.Errorf("%s is missing", name)
	}
	n, err := t.Elements()
	if err != nil {
		return nil, err
	}
	if t.DType != d || elements >= 0 && n != elements {
		return nil, fmt.Errorf("%s is of type %s with %d elements, expected %s with %d", name, t.DType, n, d, elements)
	}
	return t, nil
}

// floats are the elements of a part of type F32.
func (b *Bitsandbytes) floats(name string, elements int) ([]float32, error) {
	t, err := b.part(name, tensor.F32, elements)
	if err != nil {
		return nil, err
	}
	return t.Float32s()
}

// quantState is what bitsandbytes says of a weight of 4 bits as JSON.
type quantState struct {
	Type        string   `json:"quant_type"`
	Block       int      `json:"blocksize"`
	DType       string   `json:"dtype"`
	Shape       []int    `json:"shape"`
	NestedBlock *int     `json:"nested_blocksize"`
	NestedDType *string  `json:"nested_dtype"`
	Offset      *float64 `json:"nested_offset"`
}

// state reads and checks the quantState of a weight (rules B2 and B3).
func (b *Bitsandbytes) state(weight, kind string) (*quantState, error) {
	name := weight + state4Bit + kind
	t, err := b.part(name, tensor.U8, -1)
	if err != nil {
		return nil, err
	}
	if len(t.Data) > maxStateSize {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read", name, len(t.Data), maxStateSize)
	}
	s := &quantState{}
	decoder := json.NewDecoder(bytes.NewReader(t.Data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil {
		return nil, fmt.Errorf("%s: %v", name, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: something follows the object", name)
	}
	nested := s.NestedBlock != nil || s.NestedDType != nil || s.Offset != nil
	switch {
	case kind != "nf4" && kind != "fp4" || s.Type != kind:
		err = fmt.Errorf("quant_type is %q, and the name ends in %q: both must be nf4 or fp4", s.Type, kind)
	case s.Block < 32 || s.Block > 4096 || s.Block&(s.Block-1) != 0:
		err = fmt.Errorf("blocksize is %d, and must be a power of two from 32 to 4096", s.Block)
	case roundings[s.DType] == nil:
		err = fmt.Errorf("dtype is %q, and must be float32, float16 or bfloat16", s.DType)
	case len(s.Shape) != 2 || s.Shape[0] < 1 || s.Shape[1] < 1:
		err = fmt.Errorf("shape is %v, and must be [out, in]", s.Shape)
	case nested && (s.NestedBlock == nil || s.NestedDType == nil || s.Offset == nil):
		err = fmt.Errorf("of nested_blocksize, nested_dtype and nested_offset one is missing")
	case nested && (*s.NestedBlock < 1 || *s.NestedDType != "float32" || math.IsInf(float64(float32(*s.Offset)), 0)):
		err = fmt.Errorf("nested_blocksize is %d, nested_dtype %q, nested_offset %g: expected more than 0, float32, a finite number", *s.NestedBlock, *s.NestedDType, *s.Offset)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// roundings round an element to what bitsandbytes decodes it to.
var roundings = map[string]func(float32) float32{
	"float32":  func(x float32) float32 { return x },
	"float16":  func(x float32) float32 { return tensor.F16ToF32(tensor.F32ToF16(x)) },
	"bfloat16": func(x float32) float32 { return tensor.BF16ToF32(tensor.F32ToBF16(x)) },
}

// fourBit is the weight of a name, in 4 bits (rules B2 to B6).
func (b *Bitsandbytes) fourBit(name, kind string) (*tensor.Tensor, error) {
	s, err := b.state(name, kind)
	if err != nil {
		return nil, err
	}
	n, err := tensor.Shape(s.Shape).Elements()
	if err != nil {
		return nil, err
	}
	codes, err := b.typed(name, tensor.U8, n/2+n%2)
	if err != nil {
		return nil, err
	}
	levels, err := b.floats(name+".quant_map", 16)
	if err != nil {
		return nil, err
	}
	scales, err := b.scales(name, s, n/s.Block+min(1, n%s.Block))
	if err != nil {
		return nil, err
	}
	round := roundings[s.DType]
	decode := func(dst []float32) {
		for block := range (n + s.Block - 1) / s.Block {
			scale := scales.at(block)
			for i := block * s.Block; i < min((block+1)*s.Block, n); i++ {
				code := codes.Data[i/2] >> (4 * (1 - i%2)) & 15 // the first of two in the high bits
				dst[i] = round(levels[code] * scale)
			}
		}
	}
	t := &tensor.Tensor{DType: tensor.F32, Shape: s.Shape, Decode: decode, Release: codes.Release}
	if kind == "nf4" && s.Block == tensor.NF4Group && s.Shape[1]%tensor.NF4Group == 0 && scales.size == tensor.ScaleBlock && [16]float32(levels) == tensor.NF4Levels() {
		t.NF4 = &tensor.NF4{Codes: codes.Data, Scales: scales.codes, Levels: [256]float32(scales.levels), Blocks: scales.nested, Offset: scales.offset}
	}
	return t, nil
}

// blockScales are the scales of a weight's blocks.
type blockScales struct {
	exact []float32 // as they lie; or else
	// decoded in their turn
	codes          []uint8
	levels, nested []float32
	size           int // how many share one of nested
	offset         float32
}

// at is a block's scale.
func (s *blockScales) at(i int) float32 {
	if s.exact != nil {
		return s.exact[i]
	}
	return float32(s.levels[s.codes[i]]*s.nested[i/s.size]) + s.offset
}

// scales reads the scales of a weight's blocks (rules B5 and B6).
func (b *Bitsandbytes) scales(name string, s *quantState, blocks int) (*blockScales, error) {
	if s.NestedBlock == nil {
		exact, err := b.floats(name+".absmax", blocks)
		return &blockScales{exact: exact}, err
	}
	codes, err := b.part(name+".absmax", tensor.U8, blocks)
	if err != nil {
		return nil, err
	}
	levels, err := b.floats(name+".nested_quant_map", 256)
	if err != nil {
		return nil, err
	}
	size := *s.NestedBlock
	nested, err := b.floats(name+".nested_absmax", blocks/size+min(1, blocks%size))
	if err != nil {
		return nil, err
	}
	return &blockScales{codes: codes.Data, levels: levels, nested: nested, size: size, offset: float32(*s.Offset)}, nil
}

// eightBit is the weight of a name, in 8 bits (rules B7 and B8).
func (b *Bitsandbytes) eightBit(name string) (*tensor.Tensor, error) {
	module := strings.TrimSuffix(name, weightName)
	if _, _, ok := b.Info(module + format8Bit); ok {
		format, err := b.part(module+format8Bit, tensor.U8, 1)
		if err != nil {
			return nil, err
		}
		if format.Data[0] != 0 {
			return nil, fmt.Errorf("%s is %d, and only 0, row after row, is read", module+format8Bit, format.Data[0])
		}
	}
	codes, err := b.typed(name, tensor.I8, -1)
	if err != nil {
		return nil, err
	}
	if len(codes.Shape) != 2 {
		return nil, fmt.Errorf("it is %v, expected [out, in]", codes.Shape)
	}
	rows, columns := codes.Shape[0], codes.Shape[1]
	scales, err := b.floats(module+scales8Bit, rows)
	if err != nil {
		return nil, err
	}
	decode := func(dst []float32) {
		for row, scale := range scales {
			for i := row * columns; i < (row+1)*columns; i++ {
				dst[i] = float32(int8(codes.Data[i])) * (scale / 127)
			}
		}
	}
	return &tensor.Tensor{DType: tensor.F32, Shape: codes.Shape, Decode: decode, Release: codes.Release}, nil
}
