package nn

import (
	"trimtab/compute"
	"trimtab/tensor"
)

// Scope is a position in a base's module path while it loads.
type Scope struct {
	load  *Loading
	path  string
	init  Init
	exact bool
	half  bool
	// turned says that the weight is published as [in, out].
	turned bool
}

// At is the scope of a child module, or of a deeper one by a dotted path.
func (s Scope) At(path string) Scope {
	s.path = join(s.path, path)
	return s
}

// Path is the module path.
func (s Scope) Path() string { return s.path }

// Fresh is the same scope, in which weights that the file lacks are drawn from a
// normal distribution of deviation std, biases begin at 0 and gains at 1. The file must
// have all of a module's tensors or none.
func (s Scope) Fresh(std float32) Scope {
	s.init = Init{Std: std}
	return s
}

// Exact is the same scope, in which frozen weights are float32 whatever the base's precision: heads, which the field's libraries
// do not quantize either.
func (s Scope) Exact() Scope {
	s.exact, s.half = true, false
	return s
}

// Output is the same scope, in which frozen weights are bfloat16 unless the base's precision is float32: output layers, which the field's libraries
// leave in the base's 16 bits.
func (s Scope) Output() Scope {
	s.exact, s.half = false, true
	return s
}

// Linear is a map of in to out columns with a bias.
func (s Scope) Linear(name string, in, out int) *Linear { return s.linear(name, in, out, true, false) }

// LinearNoBias is a map without a bias.
func (s Scope) LinearNoBias(name string, in, out int) *Linear {
	return s.linear(name, in, out, false, false)
}

// Conv1D is a map with a bias whose weight is published as [in, out] (GPT-2).
func (s Scope) Conv1D(name string, in, out int) *Linear { return s.linear(name, in, out, true, true) }

// LinearWithBias is a map whose bias is another module's parameter, which a file may
// hold under the map's own name as well.
func (s Scope) LinearWithBias(name string, in, out int, bias *Param) *Linear {
	l := s.linear(name, in, out, false, false)
	l.Bias = bias
	s.load.alias(join(l.Name, "bias"), bias)
	return l
}

func (s Scope) linear(name string, in, out int, bias, transposed bool) *Linear {
	s = s.At(name)
	l := &Linear{Site: Site{s.path}, In: in, Out: out, Transposed: transposed}
	shape := tensor.Shape{out, in}
	if transposed {
		shape = tensor.Shape{in, out}
	}
	s.turned = transposed
	l.Weight = s.Param("weight", shape, s.init)
	l.Weight.transposed = transposed
	l.Weight.exact, l.Weight.half = s.exact, s.half
	l.Weight.precision = l.Weight.held(s.load.o.Precision)
	if bias {
		l.Bias = s.Param("bias", tensor.Shape{out}, Init{})
	}
	s.load.add(l)
	return l
}

// Tied is an output map of in to out columns whose weight is the table of e, and
// whose bias, if bias is not nil, is another module's parameter. A file may hold the weight under
// the map's own name as well: it must then be the same tensor or absent. In the scope of Output the table is packed as output layers are; else
// it may stay in a float32 file, as the table of an embedding, of which a map of few wanted outputs reads few rows too.
func (s Scope) Tied(name string, e *Embedding, bias *Param) *Linear {
	s = s.At(name)
	l := &Linear{Site: Site{s.path}, In: e.Dim, Out: e.Count, Weight: e.Weight, Bias: bias}
	e.Weight.multiplied = s.half
	s.load.alias(join(s.path, "weight"), e.Weight)
	if bias != nil {
		s.load.alias(join(s.path, "bias"), bias)
	}
	s.load.add(l)
	return l
}

// LayerNorm is a norm of n columns with gain and bias.
func (s Scope) LayerNorm(name string, n int, eps float32) *Norm {
	s = s.At(name)
	norm := &Norm{Site: Site{s.path}, Eps: eps}
	norm.Gain = s.Param("weight", tensor.Shape{n}, Init{Constant: 1})
	norm.Bias = s.Param("bias", tensor.Shape{n}, Init{})
	s.load.add(norm)
	return norm
}

// RMSNorm is a norm of n columns with a gain, which leaves the mean where it is.
func (s Scope) RMSNorm(name string, n int, eps float32) *Norm {
	s = s.At(name)
	norm := &Norm{Site: Site{s.path}, Eps: eps, RMS: true}
	norm.Gain = s.Param("weight", tensor.Shape{n}, Init{Constant: 1})
	s.load.add(norm)
	return norm
}

// Embedding is a table of count vectors of dim. It is float32 where the base's precision is, or a file that holds it so lets it stay there;
// else bfloat16.
func (s Scope) Embedding(name string, count, dim int) *Embedding {
	s = s.At(name)
	e := &Embedding{Site: Site{s.path}, Count: count, Dim: dim}
	e.Weight = s.Param("weight", tensor.Shape{count, dim}, s.init)
	e.Weight.shared, e.Weight.half = true, true
	e.Weight.precision = e.Weight.held(s.load.o.Precision)
	s.load.add(e)
	return e
}

// Attention is the site of an attention whose module has this scope's path.
func (s Scope) Attention(a Attention) *Attention {
	a.Site = Site{s.path}
	s.load.add(&a)
	return &a
}

// Sublayer is the site of a sublayer whose output module has this scope's path.
func (s Scope) Sublayer(sub Sublayer) *Sublayer {
	sub.Site = Site{s.path}
	s.load.add(&sub)
	return &sub
}

// Param is one tensor of the scope's module: from the file, or by init where the
// scope is fresh or there is no file. Layers ask for theirs; a page needs it only for tensors of no layer.
func (s Scope) Param(name string, shape tensor.Shape, init Init) *Param {
	if name == "weight" && init == (Init{}) && s.load.source == nil {
		init = Init{Std: s.load.o.Std}
	}
	return s.load.param(join(s.path, name), shape, init, s.init.Std > 0, s.turned)
}

// Device is what the base is loaded for.
func (s Scope) Device() compute.Device { return s.load.dev }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
