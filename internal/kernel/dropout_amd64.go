//go:build amd64 && !noasm

package kernel

import "math/bits"

// counter is the generator's counter at a block, as internal/chance defines it.
func (d dropping) counter(block uint64) [4]uint32 {
	k := d.key
	return [4]uint32{
		uint32(block), uint32(k.Step), uint32(k.Site),
		uint32(k.Site>>32) ^ uint32(block>>32) ^ bits.RotateLeft32(uint32(k.Step>>32), 16),
	}
}

// roundKeys gives the two words of the key for each of the generator's ten rounds.
func (d dropping) roundKeys() (keys [20]uint32) {
	k0, k1 := uint32(d.key.Seed), uint32(d.key.Seed>>32)
	for i := 0; i < len(keys); i += 2 {
		keys[i], keys[i+1] = k0, k1
		k0 += 0x9E3779B9
		k1 += 0xBB67AE85
	}
	return keys
}
