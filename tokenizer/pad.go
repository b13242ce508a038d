package tokenizer

// padding is the section of tokenizer.json that fills encodings up to a length.
type padding struct {
	fixed    int // the length, or 0 for the longest of the batch
	multiple int // lengths are multiples of it; 0 and 1 do not matter
	left     bool
	token    specialToken
	typeID   int32
}

func parsePadding(n node) (*padding, error) {
	f := fieldsOf("padding", n)
	p := &padding{
		left:   f.choice("direction", "Left", "Right") == 0,
		token:  specialToken{ids: []int32{int32(f.integer("pad_id"))}, tokens: []string{f.string("pad_token")}},
		typeID: int32(f.integer("pad_type_id")),
	}
	if _, ok := f.maybe("pad_to_multiple_of", kindNumber); ok {
		p.multiple = f.integer("pad_to_multiple_of")
	}
	if s, ok := f.take("strategy"); ok && s.kind == kindObject {
		g := fieldsOf("padding.strategy", s)
		p.fixed = g.integer("Fixed")
		if err := g.done(); err != nil {
			return nil, err
		}
	} else {
		f.choice("strategy", "BatchLongest")
	}
	const most = 1 << 24
	if p.fixed > most || p.multiple > most {
		f.fail("%w: a length above %d", ErrUnsupported, most)
	}
	return p, f.done()
}

// pad fills the encodings of a batch, and their windows, up to one length.
func (p *padding) pad(batch []*Encoding) {
	length := p.fixed
	for _, e := range batch {
		if p.fixed == 0 {
			length = max(length, len(e.IDs))
		}
	}
	if p.multiple > 0 && length%p.multiple > 0 {
		length += p.multiple - length%p.multiple
	}
	for _, e := range batch {
		p.fill(e, length)
	}
}

func (p *padding) fill(e *Encoding, length int) {
	for _, w := range e.Overflowing {
		p.fill(w, length)
	}
	n := len(e.IDs)
	if n >= length {
		return
	}
	padded := newEncoding(length)
	padded.Overflowing = e.Overflowing
	padded.Padding = Span{n, length}
	if p.left {
		padded.Padding = Span{0, length - n}
	} else {
		padded.extend(e, 0, n)
	}
	for i := n; i < length; i++ {
		padded.addSpecial(p.token, p.typeID)
	}
	if p.left {
		padded.extend(e, 0, n)
	}
	*e = *padded
}
