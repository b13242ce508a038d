package tensor

// NF4 are elements in QLoRA's normal float as bitsandbytes stores them unless it is told otherwise (Dettmers et al. 2023): in groups of NF4Group, whatever
// rows they make, with scales that are held in 8 bits themselves. Element i is NF4Levels()[code i] times the scale of its group.
type NF4 struct {
	// Codes are two a byte, the first in the high bits.
	Codes []uint8
	// Group g's scale is Levels[Scales[g]]·Blocks[g/ScaleBlock] + Offset.
	Scales []uint8
	Levels [256]float32
	Blocks []float32
	Offset float32
}

// The elements that share a scale, and the scales that share one.
const (
	NF4Group   = 64
	ScaleBlock = 256
)

// NF4Levels are the values of NF4's codes: quantiles of the normal distribution, 0 among them (appendix E of the paper).
func NF4Levels() [16]float32 {
	return [16]float32{
		-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
		0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
	}
}
