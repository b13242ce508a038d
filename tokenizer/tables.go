package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"sync"
)

// classRun is a run of characters of one class.
type classRun struct {
	low, high rune
	class     int
}

// runsOf reads a generated table: gap, length and class of each run as varints.
func runsOf(data string) []classRun {
	packed, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		panic(err) // the tables are constants
	}
	var list []classRun
	for at := rune(0); len(packed) > 0; {
		var v [3]uint64
		for i := range v {
			n := 0
			v[i], n = binary.Uvarint(packed)
			packed = packed[n:]
		}
		low := at + rune(v[0])
		at = low + rune(v[1])
		list = append(list, classRun{low, at - 1, int(v[2])})
	}
	return list
}

// setOfRuns is the set of the runs of the classes that are wanted.
func setOfRuns(runs []classRun, wanted func(class int) bool) *runeSet {
	var ranges [][2]rune
	for _, r := range runs {
		if wanted(r.class) {
			ranges = append(ranges, [2]rune{r.low, r.high})
		}
	}
	return newRuneSet(ranges)
}

// lazySet is a generated table as a set, unpacked when it is first needed.
func lazySet(data string) func() *runeSet {
	return sync.OnceValue(func() *runeSet {
		return setOfRuns(runsOf(data), func(int) bool { return true })
	})
}

// The generated tables. Each part of the library knows its own version of
// Unicode, and so do we.
var (
	categoryRuns   = sync.OnceValue(func() []classRun { return runsOf(categoriesData) })
	scriptRuns     = sync.OnceValue(func() []classRun { return runsOf(scriptsData) })
	alphaSet       = lazySet(alphaData)
	wordSet        = lazySet(wordData)
	lowerSet       = lazySet(lowerData)
	upperSet       = lazySet(upperData)
	simpleWordSet  = lazySet(simpleWordData)
	numericSet     = lazySet(numericData)
	punctuationSet = lazySet(punctuationData)
	controlSet     = lazySet(controlData)
	accentSet      = lazySet(accentsData)
	markSet        = lazySet(marksData)
	formedSet      = lazySet(formedData)
	scriptClasses  = sync.OnceValue(func() []classRun { return runsOf(scriptClassesData) })
)
