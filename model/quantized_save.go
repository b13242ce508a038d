package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"trimtab/compute"
	"trimtab/internal/kernel"
	"trimtab/nn"
	"trimtab/tensor"
)

// ErrNoFormat is wrapped by errors about precisions that no format of files has.
var ErrNoFormat = errors.New("no format has it")

// SaveQuantized writes the base of the file, as it was published, to a folder that transformers reads, in fewer bits: config.json
// and model.safetensors. In bf16 all tensors of floating types are BF16. In nf4, int8 and llm_int8 the maps of the blocks are what
// bitsandbytes serializes (docs/formats/bitsandbytes.md), and all else stays as it is. Other precisions are errors that wrap
// [ErrNoFormat]. Tensors that this program does not need are written too; names stay as they are.
func (b *Base) SaveQuantized(dir string, p compute.Precision) error {
	if b.File == nil {
		return errors.New("a base made by chance is not written")
	}
	if string(b.Config.Raw[quantizationKey]) != "" {
		return fmt.Errorf("%s: %w: %s: it is quantized already", b.Config.Path, ErrConfig, quantizationKey)
	}
	tensors := map[string]*tensor.Tensor{}
	for _, name := range b.File.Names() {
		tensors[name], _ = b.File.Tensor(name)
	}
	var config map[string]json.RawMessage
	var err error
	switch p {
	case compute.BF16:
		config = b.Config.typed(tensor.BF16)
		for name, t := range tensors {
			if t.DType.IsFloat() {
				tensors[name] = t.As(tensor.BF16)
			}
		}
	case compute.Int8, compute.LLMInt8, compute.NF4:
		config, err = b.bitsandbytes(tensors, p)
	default:
		err = fmt.Errorf("%s: %w: transformers folders are written in bf16, int8, llm_int8 and nf4", p, ErrNoFormat)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return writeFolder(dir, config, tensors)
}

// bitsandbytes puts quantized weights in the place of the blocks', and returns the config.
func (b *Base) bitsandbytes(tensors map[string]*tensor.Tensor, p compute.Precision) (map[string]json.RawMessage, error) {
	for _, l := range b.Tree.Quantized() {
		w, err := rowsOf(l)
		if err != nil {
			return nil, err
		}
		if p == compute.NF4 {
			err = storeNF4(tensors, l, w)
		} else {
			storeInt8(tensors, l, w)
		}
		if err != nil {
			return nil, err
		}
	}
	four, threshold := p == compute.NF4, json.Number("6.0")
	if p == compute.Int8 {
		threshold = "0.0" // no outliers
	}
	q := quantizationConfig{Method: bitsandbytes, FourBit: four, FourBitOld: four, EightBit: !four, EightBitOld: !four,
		ComputeDType: "float32", Storage: "uint8", Type: "nf4", Double: four, Threshold: threshold, SkipModules: b.notQuantized(tensors)}
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	config := maps.Clone(b.Config.Raw)
	config[quantizationKey] = text
	return config, nil
}

// rowsOf are the elements of a map's weight, row after row of [out, in]; one that is not finite is an error.
func rowsOf(l *nn.Linear) ([]float32, error) {
	v, err := l.Weight.Float32s()
	if err != nil {
		return nil, err
	}
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, fmt.Errorf("%s: element %d is %g: it cannot be quantized", l.Weight.Name, i, x)
		}
	}
	if !l.Transposed {
		return v, nil
	}
	rows := make([]float32, len(v))
	for i := range l.In {
		for o, x := range v[i*l.Out : (i+1)*l.Out] {
			rows[o*l.In+i] = x
		}
	}
	return rows, nil
}

// storeNF4 writes a weight as bitsandbytes' Linear4bit.
func storeNF4(tensors map[string]*tensor.Tensor, l *nn.Linear, w []float32) error {
	q, name := kernel.StoreNF4(w), l.Weight.Stored
	state, err := json.Marshal(map[string]any{"quant_type": "nf4", "blocksize": tensor.NF4Group, "dtype": "float32", "shape": []int{l.Out, l.In},
		"nested_blocksize": tensor.ScaleBlock, "nested_dtype": "float32", "nested_offset": float64(q.Offset)})
	if err != nil {
		return err
	}
	levels := tensor.NF4Levels()
	tensors[name] = &tensor.Tensor{DType: tensor.U8, Shape: tensor.Shape{len(q.Codes), 1}, Data: q.Codes}
	tensors[name+".absmax"] = &tensor.Tensor{DType: tensor.U8, Shape: tensor.Shape{len(q.Scales)}, Data: q.Scales}
	tensors[name+".nested_absmax"] = tensor.FromFloat32s(tensor.Shape{len(q.Blocks)}, q.Blocks)
	tensors[name+".quant_map"] = tensor.FromFloat32s(tensor.Shape{len(levels)}, levels[:])
	tensors[name+".nested_quant_map"] = tensor.FromFloat32s(tensor.Shape{len(q.Levels)}, q.Levels[:])
	tensors[name+".quant_state.bitsandbytes__nf4"] = &tensor.Tensor{DType: tensor.U8, Shape: tensor.Shape{len(state)}, Data: state}
	return nil
}

// storeInt8 writes a weight as bitsandbytes' Linear8bitLt.
func storeInt8(tensors map[string]*tensor.Tensor, l *nn.Linear, w []float32) {
	codes, most := make([]uint8, len(w)), make([]float32, l.Out)
	for o := range most {
		row := w[o*l.In : (o+1)*l.In]
		most[o] = kernel.StoreInt8(codes[o*l.In:], row)
	}
	module := strings.TrimSuffix(l.Weight.Stored, "weight")
	tensors[l.Weight.Stored] = &tensor.Tensor{DType: tensor.I8, Shape: tensor.Shape{l.Out, l.In}, Data: codes}
	tensors[module+"SCB"] = tensor.FromFloat32s(tensor.Shape{l.Out}, most)
	tensors[module+"weight_format"] = &tensor.Tensor{DType: tensor.U8, Shape: tensor.Shape{}, Data: []byte{0}}
}

// notQuantized are the modules that transformers, which otherwise quantizes every linear map, leaves as they are: those of the base that are no maps
// of blocks, and those that the file has beside them.
func (b *Base) notQuantized(tensors map[string]*tensor.Tensor) []string {
	modules := map[string]bool{}
	for name, t := range tensors {
		if module, ok := strings.CutSuffix(name, ".weight"); ok && t.DType.IsFloat() && len(t.Shape) == 2 {
			modules[module] = true
		}
	}
	for _, l := range b.Tree.Layers() {
		switch l := l.(type) {
		case *nn.Embedding:
			delete(modules, strings.TrimSuffix(l.Weight.Stored, ".weight"))
		case *nn.Linear:
			if !slices.Contains(b.Tree.Quantized(), l) {
				modules[l.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(modules))
}
