package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"trimtab/internal/near"
)

// Scripts run the real main, under the name trimtab; one that is nobody where the
// tests run as root, who may write to folders that are read-only; and one for whom
// the disk is full after a few hundred bytes a file.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trimtab": main, "trimtab-nobody": nobody, "trimtab-cramped": cramped})
}

// TestScripts runs testdata/script. A script that needs ../shared begins with
// "[!shared] skip", and finds it in $SHARED. $HEAD is an adapter that the adapters library saved with its prediction head.
func TestScripts(t *testing.T) {
	shared, err := filepath.Abs(filepath.Join(near.Root(t), "..", "shared"))
	if err != nil {
		t.Fatal(err)
	}
	head, err := filepath.Abs(filepath.Join(near.Root(t), "delta", "testdata", "head"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(shared)
	there := err == nil
	if !there && os.Getenv("CI") == "true" {
		t.Fatalf("CI=true and the test data is missing: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("SHARED", shared)
			env.Setenv("HEAD", head)
			env.Setenv("HOME", filepath.Join(env.WorkDir, ".home"))
			return errors.Join(os.Chmod(filepath.Dir(env.WorkDir), 0o755), os.Chmod(env.WorkDir, 0o777)) // for nobody
		},
		Condition: func(cond string) (bool, error) {
			if cond == "shared" {
				return there, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails":   func(ts *testscript.TestScript, neg bool, args []string) { ends(ts, neg, statusFailed, args) },
			"appears": appears,
			"misused": func(ts *testscript.TestScript, neg bool, args []string) { ends(ts, neg, statusUsage, args) },
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// appears waits for a file.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: appears file")
	}
	for range 3000 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s did not appear in 30 s", args[0])
}

// ends runs a command that must end with a status and one sentence on standard
// error, and leave no half-written file in the script's folder.
func ends(ts *testscript.TestScript, neg bool, status int, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fails|misused program [args...]")
	}
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != status {
		ts.Fatalf("%v, and expected exit status %d", err, status)
	}
	told := ts.ReadFile("stderr")
	if !strings.HasPrefix(told, "trimtab: ") || strings.Count(told, "\n") != 1 || len(told) > 2000 {
		ts.Fatalf("not one sentence: %s", told)
	}
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".tmp") && filepath.Base(path) != ".tmp" { // which is the script's TMPDIR
			return fmt.Errorf("%s is left behind", path)
		}
		return err
	}))
}

// Every verb has an example, and says what it does in one line that is a sentence's beginning.
func TestHelp(t *testing.T) {
	verbs := 0
	for _, c := range newRoot().Commands() {
		if c.Name() == cobra.ShellCompRequestCmd || c.Name() == "help" {
			continue
		}
		verbs++
		if !strings.Contains(c.Example, "trimtab "+c.Name()) {
			t.Errorf("%s: the example is %q", c.Name(), c.Example)
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short text is %q", c.Name(), c.Short)
		}
	}
	if verbs < 14 {
		t.Errorf("%d verbs", verbs)
	}
}
