package compute

// Precision says how a device holds a frozen weight.
type Precision uint8

// F32 is the only precision that this version holds weights in.
const F32 Precision = iota

// String is the name that recipes use.
func (p Precision) String() string { return "f32" }

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
