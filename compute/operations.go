package compute

// Op names an operation of the table.
type Op uint8

// The operations, in the order of the table.
const (
	OpLinear Op = iota
	OpLinearRows
	OpMatMul
	OpAdd
	OpMul
	OpScale
	OpAddRow
	OpMulRow
	OpActivate
	OpGate
	OpDrop
	OpLayerNorm
	OpRMSNorm
	OpLogSoftmax
	OpRowNorms
	OpLookup
	OpLookupMat
	OpAssemble
	OpStore
	OpSegmentMean
	OpGroupMax
	OpAttend
	OpRotate
	OpCrossEntropy
	opCount
)

// Operation is a row of the table.
type Operation struct {
	// Name as methods of Device and the documentation have it.
	Name string
	// Formula says what it computes, Gradient what its backward does with the result's gradient.
	Formula, Gradient string
	// ForwardOnly operations have no backward: recording one on a value that needs a gradient is an error.
	ForwardOnly bool
	// Keeps says what the backward reads besides the gradient.
	Keeps string
	// Flops and Bytes are the forward's floating-point operations and the memory that it must touch, in elements
	// of 4 bytes, as functions of shapes: a result is [m, n], a sum has k terms.
	Flops, Bytes string
	// Tolerance is the class in internal/near that its tests use.
	Tolerance string
}

// Operations is the table, indexed by Op.
var Operations = [opCount]Operation{
	OpLinear: {Name: "Linear", Formula: "y = x·wᵀ + b, w frozen", Gradient: "dx = dy·w",
		Keeps: "nothing", Flops: "2mnk", Bytes: "mk + nk + mn", Tolerance: "Product"},
	OpLinearRows: {Name: "LinearRows", Formula: "y = x·w[rows]ᵀ + b[rows], w frozen", Gradient: "dx = dy·w[rows]",
		Keeps: "nothing", Flops: "2mnk", Bytes: "mk + nk + mn", Tolerance: "Product"},
	OpMatMul: {Name: "MatMul", Formula: "c = α·op(a)·op(b)", Gradient: "da = α·dc·op(b)ᵀ, db = α·op(a)ᵀ·dc",
		Keeps: "a if b needs a gradient, b if a does", Flops: "2mnk", Bytes: "mk + nk + mn", Tolerance: "Product"},
	OpAdd: {Name: "Add", Formula: "y = a + b", Gradient: "da = db = dy",
		Keeps: "nothing", Flops: "mn", Bytes: "3mn", Tolerance: "Elementwise"},
	OpMul: {Name: "Mul", Formula: "y = a∘b", Gradient: "da = dy∘b, db = dy∘a",
		Keeps: "a, b", Flops: "mn", Bytes: "3mn", Tolerance: "Elementwise"},
	OpScale: {Name: "Scale", Formula: "y = s·x", Gradient: "dx = s·dy",
		Keeps: "nothing", Flops: "mn", Bytes: "2mn", Tolerance: "Elementwise"},
	OpAddRow: {Name: "AddRow", Formula: "y = x + v, every row", Gradient: "dx = dy, dv = Σ dy",
		Keeps: "nothing", Flops: "mn", Bytes: "2mn", Tolerance: "Elementwise"},
	OpMulRow: {Name: "MulRow", Formula: "y = x∘v, every row", Gradient: "dx = dy∘v, dv = Σ dy∘x",
		Keeps: "x, v", Flops: "mn", Bytes: "2mn", Tolerance: "Elementwise"},
	OpActivate: {Name: "Activate", Formula: "y = f(x)", Gradient: "dx = dy∘f′(x)",
		Keeps: "x", Flops: "10mn", Bytes: "2mn", Tolerance: "Elementwise"},
	OpGate: {Name: "Gate", Formula: "y = f(g)∘u", Gradient: "dg = dy∘u∘f′(g), du = dy∘f(g)",
		Keeps: "g, u", Flops: "11mn", Bytes: "3mn", Tolerance: "Elementwise"},
	OpDrop: {Name: "Drop", Formula: "y = x∘mask/(1-p)", Gradient: "dx = dy∘mask/(1-p)",
		Keeps: "nothing: the mask is drawn again", Flops: "mn", Bytes: "2mn", Tolerance: "Elementwise"},
	OpLayerNorm: {Name: "LayerNorm", Formula: "y = (x-μ)/√(σ²+ε)∘γ + β", Gradient: "dx = (g - mean g - x̂·mean g∘x̂)/σ with g = dy∘γ; dγ = Σ dy∘x̂, dβ = Σ dy",
		Keeps: "x, μ, 1/σ", Flops: "8mn", Bytes: "2mn", Tolerance: "Norm"},
	OpRMSNorm: {Name: "RMSNorm", Formula: "y = x/√(mean x²+ε)∘γ", Gradient: "dx = (g - x̂·mean g∘x̂)/σ with g = dy∘γ; dγ = Σ dy∘x̂",
		Keeps: "x, 1/σ", Flops: "5mn", Bytes: "2mn", Tolerance: "Norm"},
	OpLogSoftmax: {Name: "LogSoftmax", Formula: "y = x - log Σ eˣ", Gradient: "dx = dy - eʸ·Σ dy",
		Keeps: "y", Flops: "6mn", Bytes: "2mn", Tolerance: "Norm"},
	OpRowNorms: {Name: "RowNorms", Formula: "n = ‖w + s·b·a‖ a row",
		ForwardOnly: true, Keeps: "nothing", Flops: "2mk(r+1)", Bytes: "mk", Tolerance: "Norm"},
	OpLookup: {Name: "Lookup", Formula: "y = s·table[ids], table frozen",
		ForwardOnly: true, Keeps: "nothing", Flops: "mn", Bytes: "2mn", Tolerance: "Elementwise"},
	OpLookupMat: {Name: "LookupMat", Formula: "y = s·table[ids]", Gradient: "dtable[ids] += s·dy",
		Keeps: "nothing", Flops: "mn", Bytes: "2mn", Tolerance: "Elementwise"},
	OpAssemble: {Name: "Assemble", Formula: "y = rows of several matrices", Gradient: "dsource[rows] += dy",
		Keeps: "nothing", Flops: "0", Bytes: "2mn", Tolerance: "Elementwise"},
	OpStore: {Name: "Store", Formula: "cache[rows] = x",
		ForwardOnly: true, Keeps: "nothing", Flops: "0", Bytes: "2mn", Tolerance: "Elementwise"},
	OpSegmentMean: {Name: "SegmentMean", Formula: "y = mean over a segment", Gradient: "dx = dy/length",
		Keeps: "nothing", Flops: "kn", Bytes: "kn + mn", Tolerance: "Norm"},
	OpGroupMax: {Name: "GroupMax", Formula: "y = max over groups of columns", Gradient: "dx[winner] += dy",
		Keeps: "x", Flops: "kn", Bytes: "kn + mn", Tolerance: "Elementwise"},
	OpAttend: {Name: "Attend", Formula: "y = softmax(s·q·kᵀ + bias[distance])·v over a segment's keys: all, those before, or a window of these; with a bias or without", Gradient: "ds = p∘(dp - Σ p∘dp) with dp = dy·vᵀ, dq = s·ds·k, dk = s·dsᵀ·q, dv = pᵀ·dy, dbias[distance] += ds",
		Keeps: "q, k, v, log-sum-exp", Flops: "4mnk", Bytes: "2mn + 2kn", Tolerance: "Attention"},
	OpRotate: {Name: "Rotate", Formula: "y = x turned by its position", Gradient: "dx = dy turned back",
		Keeps: "nothing", Flops: "3mn", Bytes: "2mn", Tolerance: "Elementwise"},
	OpCrossEntropy: {Name: "CrossEntropy", Formula: "l = s·Σ w·(lse(x) - x[t])", Gradient: "dx = dl·s·w·(softmax(x) - onehot)",
		Keeps: "x, log-sum-exp", Flops: "6mk", Bytes: "mk", Tolerance: "Norm"},
}
