// Package chance draws random numbers that have an address.
//
// A draw is a function of a seed, a step, a site and an element, and of nothing else: no
// generator has a state. Dropout, shuffling, sampling and initialisation therefore give the same bits
// on any number of threads, after any resume, and in any order of evaluation.
//
// # The generator
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3;
// SC 2011), checked against the known answers of its authors' library, Random123. A call turns a
// counter of four 32-bit words under a key of two into four random words:
//
//	block      = element / 4
//	key[0]     = low 32 bits of seed
//	key[1]     = high 32 bits of seed
//	counter[0] = low 32 bits of block
//	counter[1] = low 32 bits of step
//	counter[2] = low 32 bits of site
//	counter[3] = high 32 bits of site ^ high 32 bits of block ^ rotl32(high 32 bits of step, 16)
//	draw       = word element % 4 of the result
//
// Everything else is made from these draws u(element), each 32 bits:
//
//	Float(element)    = (u(element) >> 8) * 2^-24, in [0, 1)
//	Uint64(element)   = u(2*element) | u(2*element+1) << 32
//	Below(element, n) = the high 64 bits of the 128-bit product Uint64(element) * n
//	Normals, element  = r * cos(t) for an even element, r * sin(t) for an odd one (Box-Muller), in float64, where with
//	                    a = u(element with its last bit cleared) and b = u(element with its last bit set)
//	                    r = sqrt(-2 * ln((a + 1) * 2^-32)), t = 2 * pi * b * 2^-32
//	Perm(n)           = Fisher-Yates on 0, 1, ..., n-1: for i = n-1 down to 1, swap i with Below(i, i+1)
//	SiteOf(name)      = FNV-1a, 64 bits, of the name's UTF-8 bytes
//
// A key's elements are drawn for one purpose: two purposes need two sites. Below's bias is at
// most n * 2^-64.
//
// The package never seeds itself from a clock or the system.
package chance
