package tokenizer

// robertaProcessing is <s> A </s></s> B </s>, all of type id 0, after blanks
// have been taken out of the offsets.
type robertaProcessing struct {
	bertProcessing
	trim        bool
	prefixSpace bool
}

func (r robertaProcessing) added(pair bool) int {
	if pair {
		return 4
	}
	return 2
}

func (r robertaProcessing) process(parts []*Encoding, special bool, texts []string) ([]*Encoding, error) {
	if r.trim {
		trimAll(parts, r.prefixSpace, texts)
	}
	for i, p := range parts {
		p.setTypes(0)
		if !special {
			continue
		}
		for _, w := range p.Overflowing {
			w.setTypes(0)
		}
		if i == 0 {
			parts[i] = surround(p, r.cls, r.sep, 0)
		} else {
			parts[i] = surround(p, r.sep, r.sep, 0)
		}
	}
	return parts, nil
}
