package compute

import (
	"fmt"
	"strings"
)

// Precision says how a device holds a frozen weight: its elements are those that the precision can say. Products are of float32
// in all of them but Int8 and LLMInt8, whose Linear and its gradient multiply whole numbers, and BF16 on a device that multiplies it.
type Precision uint8

// The precisions.
const (
	// F32 is float32, the elements as they are.
	F32 Precision = iota
	// BF16 is bfloat16, rounded to nearest even: 2 bytes an element. Products are those of a float32 weight of the same elements, to the bit. On a
	// processor that multiplies bfloat16 (AVX512_BF16) Linear and its gradient also round the rows of x and dy, to nearest even, and add up in float32:
	// a row's result then depends on nothing beside it, and is as near to the exact one as x and dy are to what they were rounded to, 2⁻⁹ of each product.
	BF16
	// Int8 is symmetric, with a scale an output row (absmax/127): 1 byte an element. Linear quantizes each row of x alike, by itself,
	// and adds up products of whole numbers exactly; a row that is not finite throughout gives NaN. The
	// gradient takes rows of dy in 16 bits.
	Int8
	// LLMInt8 is Int8 with a Linear in LLM.int8's mixed form (Dettmers et al. 2022): of each row of x, by itself, finite elements of which the absolute value is
	// at least 6 stay float32, and are multiplied with what the weight's codes stand for; the row without them is quantized as Int8's are.
	LLMInt8
	// NF4 is QLoRA's normal float, in groups of 64 with double-quantized scales (Dettmers et al. 2023): 4.13 bits an element.
	NF4
	// Int4 has a scale and a zero point a group of 128: 4.31 bits an element.
	Int4
	precisions
)

var precisionNames = [precisions]string{"f32", "bf16", "int8", "llm_int8", "nf4", "int4"}

// String is the name that recipes use.
func (p Precision) String() string {
	if p >= precisions {
		return fmt.Sprintf("precision %d", uint8(p))
	}
	return precisionNames[p]
}

// Precisions are all of them.
func Precisions() []Precision {
	all := make([]Precision, precisions)
	for i := range all {
		all[i] = Precision(i)
	}
	return all
}

// Bytes is the memory that a weight [out, in] takes, but for what fills its last panel up and 4 bytes a row that a device may keep beside int8.
func (p Precision) Bytes(out, in int) int64 {
	n := int64(out) * int64(in)
	groups := func(of int) int64 { return int64(out) * int64((in+of-1)/of) }
	switch p {
	case BF16:
		return 2 * n
	case Int8, LLMInt8:
		return int64(out) * (int64(in+3)/4*4 + 4)
	case NF4:
		return int64(out)*int64((in+7)/8*4) + groups(64) + 4*((groups(64)+255)/256)
	case Int4:
		return int64(out)*int64((in+7)/8*4) + 5*groups(128)
	}
	return 4 * n
}

// ParsePrecision is the precision of a name; the empty name is f32.
func ParsePrecision(name string) (Precision, error) {
	for i, n := range precisionNames {
		if n == name || name == "" {
			return Precision(i), nil
		}
	}
	return F32, fmt.Errorf("there is no quantization %q; there are %s", name, strings.Join(precisionNames[:], ", "))
}

// Weight is a frozen matrix [Out, In], the layout of a linear map's published
// weight, held by a device in the form of its choice, once, for both directions.
// Only the device that made it can read it.
type Weight interface {
	// Out and In are the matrix's rows and columns.
	Out() int
	In() int
	// Bytes is the device memory that it occupies.
	Bytes() int
	// Precision says how elements are held.
	Precision() Precision
}
