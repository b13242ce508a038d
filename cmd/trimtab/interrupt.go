package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"trimtab/train"
)

// interruptible is a context that Ctrl-C ends: the work stops where it can be
// taken up again. A second Ctrl-C ends the program at once.
func interruptible(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// goOn says how an interrupted run is taken up again.
func goOn(err error) error {
	if errors.Is(err, train.ErrInterrupted) {
		return fmt.Errorf("%w; the same command with --resume goes on", err)
	}
	return err
}
