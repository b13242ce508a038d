package kernel

import (
	bytes "encoding/binary"
	"math"
	"os"
	"testing"

	"trimtab/internal/near"
	"trimtab/tensor"
)

// What files hold is what bitsandbytes makes of the same elements.
func TestStoredLikeBitsandbytes(t *testing.T) {
	const rows, cols = 140, 128
	w := drawn(rows, cols)
	q, levels := StoreNF4(w), tensor.NF4Levels()
	got := map[string][]float32{"nf4": make([]float32, len(w)), "int8": make([]float32, len(w))}
	for i := range w {
		code := q.Codes[i/2] >> 4
		if i%2 == 1 {
			code = q.Codes[i/2] & 15
		}
		block := i / tensor.NF4Group
		got["nf4"][i] = levels[code] * (q.Levels[q.Scales[block]]*q.Blocks[block/tensor.ScaleBlock] + q.Offset)
	}
	codes := make([]uint8, cols)
	for r := range rows {
		most := StoreInt8(codes, w[r*cols:(r+1)*cols])
		for i, code := range codes {
			got["int8"][r*cols+i] = float32(int8(code)) * (most / 127)
		}
	}
	for name, tol := range map[string]float64{"nf4": near.Kernel, "int8": near.Exact} { // the mean of nf4's scales is summed in another order
		data, err := os.ReadFile("testdata/" + name + ".f32")
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, len(w))
		for i := range want {
			want[i] = math.Float32frombits(bytes.LittleEndian.Uint32(data[4*i:]))
		}
		near.Check(t, name, got[name], want, tol)
	}
	if s := StoreNF4(w[:65]); len(s.Codes) != 33 || len(s.Scales) != 2 || len(s.Blocks) != 1 {
		t.Errorf("65 elements: %d codes, %d scales, %d blocks", len(s.Codes), len(s.Scales), len(s.Blocks))
	}
}
