package compute

// Device runs operations on matrices in its memory. Shapes are stated a method;
// wrong ones panic. Outputs never overlap inputs unless a method says that they
// may. Nil slices and zero Mats leave out what they stand for.
//
// Methods run one after another, each on all of the device's threads; a Device
// is not for concurrent use.
type Device interface {
	// Name says what the device is, for people: "cpu/avx2, 2 threads".
	Name() string
	// Alloc returns n zeroed elements of device memory, aligned for its kernels.
	Alloc(n int) []float32
	// AllocMoment returns a moment in 8 bits of n elements, all zero.
	AllocMoment(n int) Moment

	// Pack holds w as a frozen weight in precision p.
	Pack(w Source, p Precision) Weight
	// Rows holds w [out, in] as it lies, without a copy: for tables of which single rows are read.
	Rows(w Mat) Weight
	// Unpack writes w's elements to dst [out, in].
	Unpack(dst Mat, w Weight)

	Products
	Elementwise
	Normalization
	Indexing
	Attending
	Losses
	Optimizing
	Keeping
}

// Products are the matrix products.
type Products interface {
	// Linear is y [m, out] = x [m, in]·wᵀ + bias [out].
	Linear(y, x Mat, w Weight, bias []float32)
	// LinearBackward is dx [m, in] (+)= dy [m, out]·w.
	LinearBackward(dx, dy Mat, w Weight, add bool)
	// LinearRows is y [m, len(rows)] with y[i,j] = x[i]·w[rows[j]] + bias[rows[j]]: a wanted part of a vocabulary.
	LinearRows(y, x Mat, w Weight, bias []float32, rows []int32)
	// LinearRowsBackward is dx (+)= Σⱼ dy[i,j]·w[rows[j]].
	LinearRowsBackward(dx, dy Mat, w Weight, rows []int32, add bool)

	// MatMul is c [m, n] (+)= alpha·op(a)·op(b); op transposes where ta or tb say so.
	// Of shapes: a [m, k], or [k, m] if ta; b [k, n], or [n, k] if tb.
	MatMul(c, a, b Mat, ta, tb bool, alpha float32, add bool)
	// Autocast has MatMul multiply in p from now on: in F32, as it does at first, or in BF16, which rounds a and b and adds their products up in float32, as
	// PyTorch's autocast does; small products (a dimension below 32) and those with an alpha stay in float32. It fails where the device does not multiply in p.
	Autocast(p Precision) error
}

// Activation names a nonlinearity by transformers' names.
type Activation uint8

// The nonlinearities.
const (
	Identity Activation = iota
	GELU                // x·Φ(x), by erf: "gelu"
	GELUTanh            // its tanh approximation: "gelu_new", "gelu_pytorch_tanh"
	SiLU                // x·σ(x): "silu", "swish"
	ReLU                // max(x, 0): "relu"
	Tanh                // "tanh"
	Sigmoid             // "sigmoid"
)

// Dropout zeroes an element with probability P and scales the others by
// 1/(1-P). What happens to element e is decided by (Seed, Step, Site, e) alone.
// P = 0 is none.
type Dropout struct {
	P                float32
	Seed, Step, Site uint64
}

// Elementwise operations. All matrices of a call have one shape unless stated,
// and outputs may be the same memory as an input.
type Elementwise interface {
	// Add is y = a + b.
	Add(y, a, b Mat)
	// Mul is y (+)= a∘b; with add, y must not be a or b.
	Mul(y, a, b Mat, add bool)
	// Scale is y (+)= s·x.
	Scale(y, x Mat, s float32, add bool)
	// AddRow is y = x + v [cols], to every row.
	AddRow(y, x Mat, v []float32)
	// MulRow is y (+)= x∘v [cols], every row.
	MulRow(y, x Mat, v []float32, add bool)
	// ColumnSum is dv [cols] += Σᵢ x[i].
	ColumnSum(dv []float32, x Mat)
	// ColumnDot is dv [cols] += Σᵢ a[i]∘b[i].
	ColumnDot(dv []float32, a, b Mat)

	// Activate is y = f(x).
	Activate(y, x Mat, f Activation)
	// ActivateBackward is dx (+)= dy∘f′(x).
	ActivateBackward(dx, dy, x Mat, f Activation, add bool)
	// Gate is y = f(g)∘u.
	Gate(y, g, u Mat, f Activation)
	// GateBackward is dg (+)= dy∘u∘f′(g), du (+)= dy∘f(g). A zero Mat is left out.
	GateBackward(dg, du, dy, g, u Mat, f Activation, addG, addU bool)

	// Drop is y (+)= x with dropout, elements counted row by row without gaps. It is its own backward.
	Drop(y, x Mat, d Dropout, add bool)
}

// Normalization operations, a row at a time.
type Normalization interface {
	// LayerNorm is y = (x-mean)/√(var+eps)∘gamma + beta; mean and rstd [rows] are kept for the backward.
	LayerNorm(y, x Mat, gamma, beta []float32, eps float32, mean, rstd []float32)
	// LayerNormBackward writes or adds dx and adds to dgamma and dbeta where they are not nil.
	// A zero dx is left out.
	LayerNormBackward(dx Mat, dgamma, dbeta []float32, dy, x Mat, gamma, mean, rstd []float32, add bool)
	// RMSNorm is y = x/√(mean(x²)+eps)∘gamma.
	RMSNorm(y, x Mat, gamma []float32, eps float32, rstd []float32)
	// RMSNormBackward is RMSNorm's, likewise.
	RMSNormBackward(dx Mat, dgamma []float32, dy, x Mat, gamma, rstd []float32, add bool)

	// LogSoftmax is y = x - log Σ exp(x), a row at a time.
	LogSoftmax(y, x Mat)
	// LogSoftmaxBackward is dx (+)= dy - exp(y)·Σ dy.
	LogSoftmaxBackward(dx, dy, y Mat, add bool)
	// RowNorms is norms[o] = ‖w[o] + scale·(b·a)[o]‖₂ for w [out, in], b [out, r], a [r, in]: DoRA's.
	RowNorms(norms []float32, w Weight, b, a Mat, scale float32)
}

// RowRef names a row of one of several sources.
type RowRef struct{ Source, Row int32 }

// Indexing operations move rows.
type Indexing interface {
	// Lookup is y[i] = scale·table[ids[i]]; a negative id leaves row i zero.
	Lookup(y Mat, table Weight, ids []int32, scale float32)
	// LookupMat is the same for a table that trains.
	LookupMat(y, table Mat, ids []int32, scale float32)
	// LookupBackward is dtable[ids[i]] += scale·dy[i], in the order of i.
	LookupBackward(dtable, dy Mat, ids []int32, scale float32)

	// Assemble is y[i] = sources[refs[i].Source][refs[i].Row].
	Assemble(y Mat, sources []Mat, refs []RowRef)
	// AssembleBackward is dsource[refs[i].Row] += dy[i] for the refs to source, in the order of i.
	AssembleBackward(dsource Mat, source int32, dy Mat, refs []RowRef)
	// Store is dst[rows[i]] = x[i].
	Store(dst, x Mat, rows []int32)

	// SegmentMean is y[s] = mean of x over the rows of spans[s].
	SegmentMean(y, x Mat, spans []Span)
	// SegmentMeanBackward is dx[i] (+)= dy[s]/len for the rows of spans[s]; rows in no span are zeroed or left.
	SegmentMeanBackward(dx, dy Mat, spans []Span, add bool)

	// GroupMax is y[i,g] = max of x[i,j] over j in groups[g]; the first of equals wins.
	GroupMax(y, x Mat, groups [][]int32)
	// GroupMaxBackward sends dy[i,g] to the element that won: dx += .
	GroupMaxBackward(dx, dy, x Mat, groups [][]int32)
}

// Attention describes scaled dot-product attention over a packed batch.
type Attention struct {
	// Heads is the number of query heads, KVHeads of key and value heads; Heads
	// is a multiple of KVHeads, and query head h reads h/(Heads/KVHeads).
	Heads, KVHeads int
	// HeadDim is the width of a head.
	HeadDim int
	// Scale multiplies the scores, usually 1/√HeadDim.
	Scale float32
	// Query[s] are segment s's rows in q, Key[s] its rows in k and v.
	Query, Key []Span
	// Causal lets query row i see only the first Position[i]+1 keys of its segment.
	Causal bool
	// Window, where it is above 0, lets query row i see only the last Window of the keys that Causal, which it needs,
	// lets it see: those at places above Position[i]-Window. Keys that stand before a segment's own, as a prefix's do, are
	// counted with the others, and slide out of the window like them, as in transformers.
	Window int
	// Position is, for each row of q, its place among its segment's keys. Needed if Causal, or with a Bias.
	Position []int32
	// Bias [buckets, Heads], where it exists, has what is added to each scaled score, by how far the key lies from the query (T5's relative
	// bias, Raffel et al. 2020): of a key at place j of its segment, the row Bucket[j-Position[i]+Behind], or Bucket's first or last
	// for what lies beyond.
	Bias   Mat
	Bucket []int32
	Behind int
	// Dropout acts on the probabilities; element (row of q, head, place among the keys)
	// is counted as ((row·Heads)+head)·2²⁰ + place.
	Dropout Dropout
}

// Most is the most keys that a query of segment s can see.
func (a *Attention) Most(s int) int {
	keys := int(a.Key[s].Len)
	if a.Window > 0 {
		keys = min(keys, a.Window)
	}
	return keys
}

// Attending is attention and the rotation of its queries and keys.
type Attending interface {
	// Attend is out = softmax(scale·q·kᵀ + bias)·v a head and segment at a time, for q and out
	// [queries, Heads·HeadDim], k and v [keys, KVHeads·HeadDim]. lse [queries·Heads]
	// receives each row's log-sum-exp for the backward, where not nil. A row that sees no key is zero.
	Attend(out Mat, lse []float32, q, k, v Mat, a *Attention)
	// AttendBackward writes or adds dq, dk, dv, and adds to dbias; a zero Mat is left out. It computes the
	// probabilities, and what it needs of out, again.
	// Rows of k and v in no segment's span get a zero gradient (or nothing added).
	AttendBackward(dq, dk, dv, dbias, dout, q, k, v Mat, lse []float32, a *Attention, addQ, addK, addV bool)

	// Rotate turns each head's pairs (i, i+dim/2) of x's row by the angle of its position:
	// cos and sin are [positions, dim/2] tables. inverse turns back, which is the backward.
	// Columns beyond heads·dim may not exist. y may be x unless add.
	Rotate(y, x Mat, positions []int32, cos, sin Mat, dim int, inverse, add bool)
}

// Losses over rows.
type Losses interface {
	// CrossEntropy is loss [1] = scale·Σᵢ weight[target[i]]·(lse(x[i]) - x[i,target[i]]);
	// a negative target is left out; a nil weight is ones. lse [rows] is kept.
	CrossEntropy(loss, lse []float32, x Mat, target []int32, weight []float32, scale float32)
	// CrossEntropyBackward is dx (+)= dloss·scale·weight·(softmax(x) - onehot). dx may be x unless add.
	CrossEntropyBackward(dx Mat, dloss float32, x Mat, lse []float32, target []int32, weight []float32, scale float32, add bool)
}

// AdamW holds one step's settings, after Loshchilov & Hutter as PyTorch computes it.
type AdamW struct {
	// LearningRate of this step, Beta1, Beta2, Epsilon, WeightDecay as in torch.optim.AdamW.
	LearningRate, Beta1, Beta2, Epsilon, WeightDecay float64
	// Step counts from 1.
	Step int
	// GradientScale multiplies the gradient first: the clipping factor. 1 for none.
	GradientScale float32
}

// MomentBlock is how many elements of a Moment share a largest absolute value.
const MomentBlock = 256

// Moment is a moment of AdamW in a device's memory in 8 bits: bitsandbytes' dynamic type by block (Dettmers et al. 2022). Element i is
// the level of Codes[i] times Absmax[i/MomentBlock], the largest absolute value of its block.
type Moment struct {
	Codes  []uint8
	Absmax []float32
}

// MomentBytes is the memory of a Moment of n elements.
func MomentBytes(n int) int64 { return int64(n) + 4*int64((n+MomentBlock-1)/MomentBlock) }

// Optimizing steps parameters.
type Optimizing interface {
	// AdamW updates p from g and the moments m and v, all of one length.
	AdamW(p, g, m, v []float32, o AdamW)
	// AdamW8 is AdamW on moments in 8 bits, m of the signed type and v of the unsigned one: the step is float32's, and the
	// new moments are quantized to the nearest levels after it.
	AdamW8(p, g []float32, m, v Moment, o AdamW)
	// SumSquares is Σ x², accumulated in float64 in an order that only len(x) decides.
	SumSquares(x []float32) float64
}

// Keeping holds matrices as bfloat16, in half of the memory, between forward and backward.
type Keeping interface {
	// ToBF16 is to = x rounded to nearest even; NaN stays NaN. x has no gaps, to BF16Len(x.Rows·x.Cols) elements, in each of which two lie;
	// what they are is the device's own affair.
	ToBF16(to []float32, x Mat)
	// FromBF16 is y = what ToBF16 wrote of a matrix of y's shape.
	FromBF16(y Mat, from []float32)
}

// BF16Len is how many elements ToBF16 fills with n.
func BF16Len(n int) int { return (n + 1) / 2 }
