package tokenizer

import (
	"fmt"
	"math/bits"
)

// trie finds which of a set of strings begin at a place in a text. Nodes are
// numbered from the root, 0; the edges live in one open-addressed hash table.
type trie struct {
	first  [256]uint32 // the root's edges, which every search uses; 0 is no edge
	keys   []uint32    // node<<8 | byte, plus 1; 0 is an empty slot
	next   []uint32
	values []int32 // by node; -1 where no string ends
	edges  int
}

// maxTrieNodes bounds a trie, whose edges are keyed by 24 bits of node.
const maxTrieNodes = 1<<24 - 2

func newTrie() *trie {
	return &trie{keys: make([]uint32, 1024), next: make([]uint32, 1024), values: []int32{-1}}
}

// slot is where the edge from node by b lies, or where it would be put.
func (t *trie) slot(node uint32, b byte) int {
	key := node<<8 | uint32(b)
	mask := len(t.keys) - 1
	i := int(uint64(key)*0x9E3779B97F4A7C15>>32) & mask
	for t.keys[i] != 0 && t.keys[i] != key+1 {
		i = (i + 1) & mask
	}
	return i
}

// step follows the edge from node by b; 0 says that there is none.
func (t *trie) step(node uint32, b byte) uint32 {
	if node == 0 {
		return t.first[b]
	}
	return t.next[t.slot(node, b)]
}

// put adds s with a value of 0 or more. The last value put for s counts.
func (t *trie) put(s string, value int32) error {
	node := uint32(0)
	for i := 0; i < len(s); i++ {
		to := t.step(node, s[i])
		if to == 0 {
			if len(t.values) > maxTrieNodes {
				return fmt.Errorf("%w: a vocabulary of more than %d characters", ErrUnsupported, maxTrieNodes)
			}
			to = uint32(len(t.values))
			t.values = append(t.values, -1)
			t.connect(node, s[i], to)
		}
		node = to
	}
	t.values[node] = value
	return nil
}

func (t *trie) connect(node uint32, b byte, to uint32) {
	if node == 0 {
		t.first[b] = to
		return
	}
	if 2*t.edges >= len(t.keys) {
		t.grow()
	}
	i := t.slot(node, b)
	t.keys[i], t.next[i] = node<<8|uint32(b)+1, to
	t.edges++
}

func (t *trie) grow() {
	keys, next := t.keys, t.next
	size := 1 << bits.Len(uint(2*len(keys)-1))
	t.keys, t.next = make([]uint32, size), make([]uint32, size)
	for i, k := range keys {
		if k != 0 {
			j := t.slot((k-1)>>8, byte(k-1))
			t.keys[j], t.next[j] = k, next[i]
		}
	}
}

// walk follows all of s from the root; ok is false where it falls off.
func (t *trie) walk(s string) (node uint32, ok bool) {
	for i := 0; i < len(s); i++ {
		if node = t.step(node, s[i]); node == 0 {
			return 0, false
		}
	}
	return node, true
}

// longest finds the longest string that begins at s[0], continuing from node;
// its length is 0 where there is none.
func (t *trie) longest(node uint32, s string) (value int32, length int) {
	value = -1
	for i := 0; i < len(s); i++ {
		if node = t.step(node, s[i]); node == 0 {
			break
		}
		if v := t.values[node]; v >= 0 {
			value, length = v, i+1
		}
	}
	return value, length
}
