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
	// Formula says what it computes.
	Formula string
	// ForwardOnly operations have no backward: recording one on a value that needs a gradient is an error.
	ForwardOnly bool
	// Keeps says what the backward reads besides the gradient.
	Keeps string
	// Tolerance is the class in internal/near that its tests use.
	Tolerance string
}

// Operations is the table, indexed by Op.
var Operations = [opCount]Operation{
	OpLinear:       {Name: "Linear", Formula: "y = x·wᵀ + b, w frozen", Keeps: "nothing", Tolerance: "Product"},
	OpLinearRows:   {Name: "LinearRows", Formula: "y = x·w[rows]ᵀ + b[rows], w frozen", Keeps: "nothing", Tolerance: "Product"},
	OpMatMul:       {Name: "MatMul", Formula: "c = α·op(a)·op(b)", Keeps: "a if b needs a gradient, b if a does", Tolerance: "Product"},
	OpAdd:          {Name: "Add", Formula: "y = a + b", Keeps: "nothing", Tolerance: "Elementwise"},
	OpMul:          {Name: "Mul", Formula: "y = a∘b", Keeps: "a, b", Tolerance: "Elementwise"},
	OpScale:        {Name: "Scale", Formula: "y = s·x", Keeps: "nothing", Tolerance: "Elementwise"},
	OpAddRow:       {Name: "AddRow", Formula: "y = x + v, every row", Keeps: "nothing", Tolerance: "Elementwise"},
	OpMulRow:       {Name: "MulRow", Formula: "y = x∘v, every row", Keeps: "x, v", Tolerance: "Elementwise"},
	OpActivate:     {Name: "Activate", Formula: "y = f(x)", Keeps: "x", Tolerance: "Elementwise"},
	OpGate:         {Name: "Gate", Formula: "y = f(g)∘u", Keeps: "g, u", Tolerance: "Elementwise"},
	OpDrop:         {Name: "Drop", Formula: "y = x∘mask/(1-p)", Keeps: "nothing: the mask is drawn again", Tolerance: "Elementwise"},
	OpLayerNorm:    {Name: "LayerNorm", Formula: "y = (x-μ)/√(σ²+ε)∘γ + β", Keeps: "x, μ, 1/σ", Tolerance: "Norm"},
	OpRMSNorm:      {Name: "RMSNorm", Formula: "y = x/√(mean x²+ε)∘γ", Keeps: "x, 1/σ", Tolerance: "Norm"},
	OpLogSoftmax:   {Name: "LogSoftmax", Formula: "y = x - log Σ eˣ", Keeps: "y", Tolerance: "Norm"},
	OpRowNorms:     {Name: "RowNorms", Formula: "n = ‖w + s·b·a‖ a row", ForwardOnly: true, Keeps: "nothing", Tolerance: "Norm"},
	OpLookup:       {Name: "Lookup", Formula: "y = s·table[ids], table frozen", ForwardOnly: true, Keeps: "nothing", Tolerance: "Elementwise"},
	OpLookupMat:    {Name: "LookupMat", Formula: "y = s·table[ids]", Keeps: "nothing", Tolerance: "Elementwise"},
	OpAssemble:     {Name: "Assemble", Formula: "y = rows of several matrices", Keeps: "nothing", Tolerance: "Elementwise"},
	OpStore:        {Name: "Store", Formula: "cache[rows] = x", ForwardOnly: true, Keeps: "nothing", Tolerance: "Elementwise"},
	OpSegmentMean:  {Name: "SegmentMean", Formula: "y = mean over a segment", Keeps: "nothing", Tolerance: "Norm"},
	OpGroupMax:     {Name: "GroupMax", Formula: "y = max over groups of columns", Keeps: "x", Tolerance: "Elementwise"},
	OpAttend:       {Name: "Attend", Formula: "y = softmax(s·q·kᵀ)·v", Keeps: "q, k, v, y, log-sum-exp", Tolerance: "Attention"},
	OpRotate:       {Name: "Rotate", Formula: "y = x turned by its position", Keeps: "nothing", Tolerance: "Elementwise"},
	OpCrossEntropy: {Name: "CrossEntropy", Formula: "l = s·Σ w·(lse(x) - x[t])", Keeps: "x, log-sum-exp", Tolerance: "Norm"},
}
