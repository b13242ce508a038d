package train

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"trimtab/compute"
)

// Options are the settings of a run, under the names and with the defaults of
// transformers' TrainingArguments where it has them.
type Options struct {
	// LearningRate is the peak of the schedule.
	LearningRate float64 `yaml:"learning_rate" default:"5e-5" doc:"the schedule's highest learning rate"`
	// Epochs is how often the data is gone through; MaxSteps, if positive, ends sooner or goes on longer.
	Epochs   float64 `yaml:"num_train_epochs" default:"3" doc:"how often to go through the data"`
	MaxSteps int     `yaml:"max_steps" doc:"steps in all; overrides num_train_epochs where positive"`
	// BatchTokens or BatchSize is what a batch holds: tokens, or examples.
	BatchTokens int `yaml:"batch_tokens" doc:"tokens a batch holds (4096 where no size is given)"`
	BatchSize   int `yaml:"per_device_train_batch_size" doc:"examples a batch holds, instead of batch_tokens"`
	// Accumulation is how many batches make a step.
	Accumulation int `yaml:"gradient_accumulation_steps" default:"1" doc:"batches a step"`
	// Schedule is how the learning rate goes: constant, constant_with_warmup, linear, cosine, inverse_sqrt.
	Schedule    string  `yaml:"lr_scheduler_type" default:"linear" enum:"constant,constant_with_warmup,linear,cosine,inverse_sqrt" doc:"how the learning rate goes"`
	WarmupRatio float64 `yaml:"warmup_ratio" doc:"share of the steps in which the rate rises"`
	WarmupSteps int     `yaml:"warmup_steps" doc:"steps in which the rate rises; overrides warmup_ratio"`
	// Optim is how the optimizer holds its moments, by transformers' names: adamw_torch in float32, adamw_bnb_8bit in 8 bits by block as
	// bitsandbytes does, those of parameters below 4096 elements apart; adamw_8bit is the same.
	Optim string `yaml:"optim" default:"adamw_torch" enum:"adamw_torch,adamw_bnb_8bit,adamw_8bit" doc:"how AdamW holds its moments: in float32, or in 8 bits by block (a quarter of the memory; adamw_8bit is adamw_bnb_8bit)"`
	// The optimizer's numbers, as torch.optim.AdamW's.
	WeightDecay float64 `yaml:"weight_decay" doc:"AdamW's decoupled decay"`
	Beta1       float64 `yaml:"adam_beta1" default:"0.9" doc:"decay of AdamW's first moment"`
	Beta2       float64 `yaml:"adam_beta2" default:"0.999" doc:"decay of AdamW's second moment"`
	Epsilon     float64 `yaml:"adam_epsilon" default:"1e-8" doc:"AdamW's epsilon"`
	// NoDecay says what weight decay leaves out.
	NoDecay string `yaml:"no_decay" default:"biases-and-norms" enum:"biases-and-norms,none" doc:"what weight decay leaves out"`
	// MaxGradNorm clips the gradient's global norm; 0 does not clip.
	MaxGradNorm *float64 `yaml:"max_grad_norm" default:"1.0" doc:"the gradient's largest global norm; 0 does not clip"`
	// Dropout overrides what the model's config states.
	Dropout *float32 `yaml:"dropout" doc:"dropout of the base instead of what its config states"`
	// Checkpointing recomputes blocks in the backward instead of keeping their insides.
	Checkpointing bool `yaml:"gradient_checkpointing" doc:"compute blocks again in the backward: less memory, a third more time"`
	// BF16 has matrices that train multiplied in bfloat16, forward and backward, as PyTorch's autocast does; what is updated stays float32.
	BF16 bool `yaml:"bf16" doc:"multiply matrices that train in bfloat16, where the processor does (what is updated stays float32; of frozen ones quantization decides)"`
	// Activations is how the backward's memory of the forward is held: f32, or bf16 in half of the bytes.
	Activations string `yaml:"activations" default:"f32" enum:"f32,bf16" doc:"what the backward remembers of the forward: as it was, or in half of the memory, rounded"`
	// EvalSteps is how often to evaluate; 0 is after each epoch.
	EvalSteps int `yaml:"eval_steps" doc:"steps between evaluations; left out: after each epoch"`
	// SaveSteps is how often to write a checkpoint; 0 is at each evaluation.
	SaveSteps int `yaml:"save_steps" doc:"steps between checkpoints; left out: at each evaluation"`
	// SaveLimit is how many checkpoints to keep.
	SaveLimit int `yaml:"save_total_limit" default:"1" doc:"checkpoints to keep"`
	// Patience is how many evaluations without progress end the run; 0 never does.
	Patience int `yaml:"early_stopping_patience" doc:"evaluations without progress that end the run"`
	// Metric is what the best state is best by; empty for the task's own.
	Metric string `yaml:"metric_for_best_model" doc:"the metric by which the best state is kept; left out: the task's first"`
	// Seed addresses all chance of the run.
	Seed uint64 `yaml:"seed" default:"42" doc:"the seed of all chance"`
}

// ErrOptions is wrapped by errors about options.
var ErrOptions = errors.New("training options")

// schedules are the names that Schedule may have.
var schedules = []string{"constant", "constant_with_warmup", "linear", "cosine", "inverse_sqrt"}

// Defaults are the options of a recipe that says nothing.
func Defaults() Options {
	norm := 1.0
	return Options{LearningRate: 5e-5, Epochs: 3, Accumulation: 1, Schedule: "linear", Optim: AdamW, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8,
		NoDecay: "biases-and-norms", MaxGradNorm: &norm, Activations: "f32", SaveLimit: 1, Seed: 42}
}

// Resolve puts one name for those that mean the same.
func (o *Options) Resolve() {
	if o.Optim == adamW8Too {
		o.Optim = AdamW8
	}
}

// Validate reports the first option that makes no sense.
func (o *Options) Validate() error {
	switch {
	case !(o.LearningRate > 0 && o.LearningRate < 1e3):
		return o.bad("learning_rate", o.LearningRate, "above 0")
	case o.MaxSteps <= 0 && !(o.Epochs > 0 && o.Epochs < 1e6):
		return o.bad("num_train_epochs", o.Epochs, "above 0")
	case o.BatchTokens < 0:
		return o.bad("batch_tokens", o.BatchTokens, "above 0")
	case o.BatchSize < 0:
		return o.bad("per_device_train_batch_size", o.BatchSize, "above 0")
	case o.BatchSize > 0 && o.BatchTokens > 0:
		return fmt.Errorf("%w: batch_tokens and per_device_train_batch_size are both given: give one", ErrOptions)
	case o.Accumulation < 1:
		return o.bad("gradient_accumulation_steps", o.Accumulation, "1 or more")
	case !slices.Contains(schedules, o.Schedule):
		return o.bad("lr_scheduler_type", o.Schedule, "one of "+strings.Join(schedules, ", "))
	case !(o.WarmupRatio >= 0 && o.WarmupRatio <= 1):
		return o.bad("warmup_ratio", o.WarmupRatio, "from 0 to 1")
	case o.WarmupSteps < 0:
		return o.bad("warmup_steps", o.WarmupSteps, "0 or more")
	case o.Schedule == "constant" && (o.WarmupRatio > 0 || o.WarmupSteps > 0):
		return fmt.Errorf("%w: lr_scheduler_type constant has no warm-up: take constant_with_warmup", ErrOptions)
	case o.Optim != AdamW && o.Optim != AdamW8:
		return o.bad("optim", o.Optim, AdamW+" or "+AdamW8)
	case !(o.WeightDecay >= 0 && o.WeightDecay < 1e3):
		return o.bad("weight_decay", o.WeightDecay, "0 or more")
	case !(o.Beta1 >= 0 && o.Beta1 < 1):
		return o.bad("adam_beta1", o.Beta1, "from 0, below 1")
	case !(o.Beta2 >= 0 && o.Beta2 < 1):
		return o.bad("adam_beta2", o.Beta2, "from 0, below 1")
	case !(o.Epsilon >= 0 && o.Epsilon < 1e3):
		return o.bad("adam_epsilon", o.Epsilon, "0 or more")
	case o.NoDecay != "biases-and-norms" && o.NoDecay != "none":
		return o.bad("no_decay", o.NoDecay, "biases-and-norms or none")
	case o.MaxGradNorm != nil && !(*o.MaxGradNorm >= 0):
		return o.bad("max_grad_norm", *o.MaxGradNorm, "0 or more")
	case o.Dropout != nil && !(*o.Dropout >= 0 && *o.Dropout < 1):
		return o.bad("dropout", *o.Dropout, "from 0, below 1")
	case o.Activations != "f32" && o.Activations != "bf16":
		return o.bad("activations", o.Activations, "f32 or bf16")
	case o.SaveLimit < 1:
		return o.bad("save_total_limit", o.SaveLimit, "1 or more")
	case o.EvalSteps < 0 || o.SaveSteps < 0 || o.Patience < 0:
		return fmt.Errorf("%w: eval_steps, save_steps and early_stopping_patience are 0 or more", ErrOptions)
	}
	return nil
}

// kept is the precision that Activations names.
func (o *Options) kept() compute.Precision {
	if o.Activations == "bf16" {
		return compute.BF16
	}
	return compute.F32
}

// autocast has what trains on dev multiplied as the options say, until the function that it returns is called.
func (o *Options) autocast(dev compute.Device) (end func(), err error) {
	if !o.BF16 {
		return func() {}, nil
	}
	if err := dev.Autocast(compute.BF16); err != nil {
		return nil, fmt.Errorf("%w: bf16 is true: %w: leave it out", ErrOptions, err)
	}
	return func() { _ = dev.Autocast(compute.F32) }, nil // every device multiplies in float32
}

// evaluates is a key that is given and means something only where something is evaluated; empty for none.
func (o *Options) evaluates() string {
	switch {
	case o.EvalSteps > 0:
		return "eval_steps"
	case o.Patience > 0:
		return "early_stopping_patience"
	case o.Metric != "":
		return "metric_for_best_model"
	}
	return ""
}

func (o *Options) bad(key string, found any, right string) error {
	return fmt.Errorf("%w: %s is %v, and must be %s", ErrOptions, key, found, right)
}
