package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trimtab/autograd"
	"trimtab/checkpoint"
	"trimtab/internal/exchange"
)

// stepping are the settings of the verb step.
type stepping struct {
	in, out, gradients string
	train              string
	schedule, noDecay  string
	json               bool
	options            exchange.StepOptions
	deltas             deltas
}

func (a *app) step() *cobra.Command {
	var o stepping
	cmd := &cobra.Command{
		Use:   "step MODEL --in FILE (--delta DIR | --train WHAT)",
		Short: "Train on one batch for some steps of AdamW, for comparing with other libraries",
		Long: `Reads a batch with labels as forward does, and takes steps of AdamW on it, with dropout off. Prints the loss before
each step, a line each (with --json {"step", "loss", "gradient_norm"}); one that is not finite is an error. What trains are the deltas, or the part of the
base that --train names; in --out a delta's tensors have the names of its own folder.`,
		Example: `  trimtab step ../shared/goldens/models/bert-cls --in ../shared/goldens/train/bert-cls+full/expect.safetensors \
    --train full --steps 10 --learning-rate 5e-3 --weight-decay 0.1 --out final.safetensors --gradients gradients.safetensors
  trimtab step ../shared/goldens/models/bert-cls --in ../shared/goldens/peft/bert-cls+lora/expect.safetensors \
    --delta ../shared/goldens/peft/bert-cls+lora/init --steps 10 --learning-rate 1e-2 --weight-decay 0.01 --out final.safetensors`,
		Args: arguments("MODEL"),
	}
	o.flags(cmd)
	a.quantizationFlag(cmd)
	cmd.RunE = does(func(out *printer, args []string) error {
		if err := o.check(); err != nil {
			return err
		}
		return o.run(a, out, args[0])
	})
	return cmd
}

func (o *stepping) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	jsonFlag(cmd, &o.json)
	inFlag(cmd, &o.in)
	f.StringVar(&o.out, "out", "", "safetensors `file` for what was trained")
	f.StringVar(&o.gradients, "gradients", "", "safetensors `file` for the first step's gradients, before clipping")
	f.StringVar(&o.train, "train", "", "what trains, `WHAT`: full, bitfit (biases and the classification head) or head")
	f.IntVar(&o.options.Steps, "steps", 1, "steps to take")
	f.Float64Var(&o.options.LearningRate, "learning-rate", 5e-5, "the learning rate")
	f.Float64Var(&o.options.WeightDecay, "weight-decay", 0, "AdamW's decoupled weight decay")
	f.Float64Var(&o.options.Beta1, "adam-beta1", 0.9, "decay of the first moment")
	f.Float64Var(&o.options.Beta2, "adam-beta2", 0.999, "decay of the second moment")
	f.Float64Var(&o.options.Epsilon, "adam-epsilon", 1e-8, "AdamW's epsilon")
	f.Float64Var(&o.options.MaxGradNorm, "max-grad-norm", 0, "largest norm of the gradient; 0 does not clip")
	f.StringVar(&o.schedule, "lr-scheduler-type", "constant", "`SCHEDULE`: constant, or linear: up for the warm-up, then down to 0")
	f.IntVar(&o.options.WarmupSteps, "warmup-steps", 0, "steps of the warm-up, with a linear schedule")
	f.StringVar(&o.noDecay, "no-decay", "", "`WHAT` does not decay: biases-and-norms")
	o.deltas.flags(cmd)
	require(cmd, "in")
	cmd.MarkFlagsOneRequired("train", "delta")
	cmd.MarkFlagsMutuallyExclusive("train", "delta")
}

// check reports mistakes in the flags.
func (o *stepping) check() error {
	s := &o.options
	for _, n := range []struct {
		flag       string
		value      float64
		below, one bool
	}{{"learning-rate", s.LearningRate, false, false}, {"weight-decay", s.WeightDecay, false, false}, {"adam-beta1", s.Beta1, true, true},
		{"adam-beta2", s.Beta2, true, true}, {"adam-epsilon", s.Epsilon, true, false}, {"max-grad-norm", s.MaxGradNorm, false, false},
		{"warmup-steps", float64(s.WarmupSteps), false, false}, {"steps", float64(s.Steps) - 1, false, false}} {
		if !(n.value >= 0) || n.below && n.value == 0 || n.one && n.value >= 1 {
			return usage(fmt.Sprintf("--%s is out of range", n.flag))
		}
	}
	if err := oneOf("train", o.train, "", "full", "bitfit", "head"); err != nil {
		return err
	}
	if err := oneOf("no-decay", o.noDecay, "", "biases-and-norms"); err != nil {
		return err
	}
	if s.Linear = o.schedule == "linear"; !s.Linear && s.WarmupSteps > 0 {
		return usage("--warmup-steps goes with --lr-scheduler-type linear")
	}
	return oneOf("lr-scheduler-type", o.schedule, "constant", "linear")
}

func (o *stepping) run(a *app, out *printer, dir string) (err error) {
	batch, err := readInput(out.stdin, o.in)
	if err != nil {
		return err
	}
	base, err := a.open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, base.Close()) }()
	params, err := o.parameters(out, dir, base)
	if err != nil {
		return err
	}
	if o.noDecay != "" {
		o.options.NoDecay = exchange.BiasesAndNorms(base.Base)
	}
	o.options.Report = func(step int, loss, norm float64) error {
		if o.json {
			return out.json(stepLine{step, loss, norm})
		}
		out.printf("%v\n", loss)
		return nil
	}
	result, err := batch.Step(base.Base, base.device, params, o.options)
	if err != nil {
		return err
	}
	return o.write(result)
}

// parameters are what trains: the deltas that were given, or what --train names.
func (o *stepping) parameters(out *printer, name string, base *opened) ([]*autograd.Parameter, error) {
	if o.train != "" {
		return exchange.Trainable(base.Base, o.train)
	}
	if err := o.deltas.attach(out, name, base.Base); err != nil {
		return nil, err
	}
	return o.deltas.parameters(), nil
}

// write writes what was asked for.
func (o *stepping) write(result *exchange.Trajectory) error {
	if o.gradients != "" {
		if err := checkpoint.WriteSafetensors(o.gradients, result.Gradients, nil); err != nil {
			return err
		}
	}
	if o.out == "" {
		return nil
	}
	trained := result.Trained
	if o.train == "" {
		var err error
		if trained, err = o.deltas.saved(); err != nil {
			return err
		}
	}
	return checkpoint.WriteSafetensors(o.out, trained, nil)
}

// stepLine is what --json prints of a step.
type stepLine struct {
	Step         int     `json:"step"`
	Loss         float64 `json:"loss"`
	GradientNorm float64 `json:"gradient_norm"`
}
