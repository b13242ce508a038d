package compute

import "fmt"

// Mat is a matrix of float32 in a device's memory, row-major, rows Stride
// elements apart. The zero Mat stands for "not there".
type Mat struct {
	Rows, Cols int
	Stride     int
	Data       []float32
}

// NewMat views data, of rows*cols elements, as a matrix without gaps.
func NewMat(rows, cols int, data []float32) Mat {
	if len(data) < rows*cols {
		panic(fmt.Sprintf("compute: %d elements for a matrix [%d, %d]", len(data), rows, cols))
	}
	return Mat{Rows: rows, Cols: cols, Stride: cols, Data: data[:rows*cols]}
}

// Row is row i.
func (m Mat) Row(i int) []float32 {
	return m.Data[i*m.Stride : i*m.Stride+m.Cols : i*m.Stride+m.Cols]
}

// RowRange views rows [from, to).
func (m Mat) RowRange(from, to int) Mat {
	if from == to {
		return Mat{Cols: m.Cols, Stride: m.Stride}
	}
	return Mat{Rows: to - from, Cols: m.Cols, Stride: m.Stride, Data: m.Data[from*m.Stride : (to-1)*m.Stride+m.Cols]}
}

// ColRange views columns [from, to) of every row.
func (m Mat) ColRange(from, to int) Mat {
	if m.Rows == 0 {
		return Mat{Cols: to - from, Stride: m.Stride}
	}
	return Mat{Rows: m.Rows, Cols: to - from, Stride: m.Stride, Data: m.Data[from : (m.Rows-1)*m.Stride+to]}
}

// Compact reports whether rows follow each other without gaps.
func (m Mat) Compact() bool { return m.Stride == m.Cols || m.Rows <= 1 }

// Exists reports whether the matrix is there at all.
func (m Mat) Exists() bool { return m.Data != nil }

// Span is a run of rows: one segment of a packed batch.
type Span struct{ Start, Len int32 }

// End is the row after the last.
func (s Span) End() int32 { return s.Start + s.Len }
