package cases

// Expect gives what [Case.Run] should: the same results, by the twin.
func (c *Case) Expect() []Result[float64] { return c.ExpectOn(c.Inputs()) }

// ExpectOn is Expect with other values, one slice for each input.
func (c *Case) ExpectOn(values [][]float32) []Result[float64] {
	in := make([]Matrix, len(c.In))
	for i, o := range c.In {
		in[i] = wide(o, values[i])
	}
	out := c.Twin.Forward(in)
	var results []Result[float64]
	add := func(name string, v []float64) { results = append(results, Result[float64]{name, v}) }
	for i, o := range c.Out {
		if !o.Absent {
			add(o.Name, out[i].Data)
		}
	}
	if c.Onto {
		add(c.Out[0].Name+" added", sum(out[0].Data, c.base(c.Out[0])))
	}
	for _, i := range c.InPlace {
		add(c.Out[0].Name+" in place of "+c.In[i].Name, out[0].Data)
	}
	if c.Backward == nil {
		return results
	}
	d := c.gradients(in, out, wide(c.Out[0], c.dout()))
	for _, v := range c.variants() {
		for i, o := range c.In {
			if !d[i].Exists() || i == v.omit {
				continue
			}
			g := d[i].Data
			if v.add || o.Grad == Parameter {
				named := o
				named.Name = "d" + o.Name
				g = sum(g, c.base(named))
			}
			add("d"+o.Name+v.name, g)
		}
	}
	return results
}

// gradients is the twin's backward for a result's gradient dy.
func (c *Case) gradients(in, out []Matrix, dy Matrix) []Matrix {
	d := make([]Matrix, len(c.In))
	for i, o := range c.In {
		if o.Grad != None && !o.Absent {
			d[i] = NewMatrix(o.Rows, o.Cols)
		}
	}
	c.Twin.Backward(in, out, dy, d)
	return d
}

func sum(a []float64, b []float32) []float64 {
	s := make([]float64, len(a))
	for i := range a {
		s[i] = a[i] + float64(b[i])
	}
	return s
}
