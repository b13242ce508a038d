package compute

import "trimtab/tensor"

// Source is what a weight is packed from: the elements of a [Mat] or a [Transposed] one, a [StoredNF4], or what a
// [Made] writes.
type Source interface {
	// OutIn are the weight's rows and columns.
	OutIn() (out, in int)
}

// OutIn are the matrix's rows and columns: it is the weight as published.
func (m Mat) OutIn() (out, in int) { return m.Rows, m.Cols }

// Transposed is a weight as the matrix [in, out]: GPT-2's layout.
type Transposed Mat

// OutIn are the matrix's columns and rows.
func (m Transposed) OutIn() (out, in int) { return m.Cols, m.Rows }

// StoredNF4 is a weight [Out, In] as bitsandbytes quantized it. A device holds its codes and scales as they are, and in NF4 only.
type StoredNF4 struct {
	Out, In int
	*tensor.NF4
}

// OutIn are Out and In.
func (s StoredNF4) OutIn() (out, in int) { return s.Out, s.In }

// Made is a weight [Out, In] whose elements are written where they are asked for: they are never all in memory.
type Made struct {
	Out, In int
	// Fill writes the elements from number first on, row by row, to dst. They are those of whole rows, and the first row's number is a
	// multiple of 16. Several threads call it.
	Fill func(dst []float32, first int)
}

// OutIn are Out and In.
func (m Made) OutIn() (out, in int) { return m.Out, m.In }
