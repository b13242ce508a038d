package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"trimtab/compute/cpu"
	"trimtab/delta"
	"trimtab/internal/exchange"
	"trimtab/model"
	_ "trimtab/model/all" // every architecture
)

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "rewrite: expected BASE DELTA INPUT STEPS OUT")
		os.Exit(2)
	}
	if err := rewrite(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, "rewrite:", err)
		os.Exit(1)
	}
}

func rewrite(baseDir, deltaDir, input, steps, out string) (err error) {
	n, err := strconv.Atoi(steps)
	if err != nil {
		return err
	}
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		return err
	}
	base, err := model.Open(baseDir, dev, model.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, base.Close()) }()
	d, err := delta.Open(deltaDir, base, delta.Options{})
	if err != nil {
		return err
	}
	if err := d.Attach(); err != nil {
		return err
	}
	batch, err := exchange.Read(input)
	if err != nil {
		return err
	}
	if _, err := batch.Step(base, dev, d.Parameters(), exchange.StepOptions{Steps: n, LearningRate: 1e-2, WeightDecay: 0.01}); err != nil {
		return err
	}
	side, err := delta.NewSidecar(base, "")
	if err != nil {
		return err
	}
	return d.Save(out, side)
}
