package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// mutation is one mistake that the tests must notice.
type mutation struct {
	file     string // from the root of the module
	what     string // the mistake, in words
	old, new string // the text, which occurs once, and what replaces it
	tests    string // which tests must notice, as a pattern of go test -run; empty: any of the package
}

// result is what became of a mutation; err is nil if it was caught.
type result struct {
	mutation
	err    error
	output string
	took   time.Duration
}

// apply is the source with the mistake in it.
func (m mutation) apply(source string) (string, error) {
	if n := strings.Count(source, m.old); n != 1 {
		return "", fmt.Errorf("its text occurs %d times, want once: %q", n, m.old)
	}
	return strings.Replace(source, m.old, m.new, 1), nil
}

// tryAll tries the mutations, each worker in a copy of the module of its own, after checking that the tests pass
// without any. The channel is closed when all are done or ctx is.
func tryAll(ctx context.Context, ms []mutation) (<-chan result, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return nil, err
	}
	copies := make([]string, min(runtime.NumCPU(), 4, len(ms)))
	for i := range copies {
		copies[i] = filepath.Join(temp, fmt.Sprint(i))
		if err := copyModule(copies[i], root); err != nil {
			return nil, errors.Join(err, os.RemoveAll(temp))
		}
	}
	if err := baseline(ctx, copies[0], ms); err != nil {
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	todo, results := make(chan mutation), make(chan result)
	var workers sync.WaitGroup
	for _, dir := range copies {
		workers.Go(func() { // ends when todo is closed
			for m := range todo {
				start := time.Now()
				output, err := m.try(ctx, dir)
				results <- result{m, err, output, time.Since(start)}
			}
		})
	}
	go func() { // ends with the list or ctx
		for _, m := range ms {
			if ctx.Err() != nil {
				break
			}
			todo <- m
		}
		close(todo)
		workers.Wait()
		if err := os.RemoveAll(temp); err != nil {
			fmt.Fprintln(os.Stderr, "mutate:", err)
		}
		close(results)
	}()
	return results, nil
}

// baseline runs the tests of every package with mutations as it is.
func baseline(ctx context.Context, dir string, ms []mutation) error {
	done := map[string]bool{}
	for _, m := range ms {
		pkg := filepath.Dir(m.file)
		if done[pkg] {
			continue
		}
		done[pkg] = true
		if output, err := goTest(ctx, dir, pkg, ""); err != nil {
			return fmt.Errorf("the tests of %s fail without any mutation: %w\n%s", pkg, err, output)
		}
	}
	return nil
}

// try applies m in the copy at dir, runs the tests and puts the file back. The error says why m was not caught.
func (m mutation) try(ctx context.Context, dir string) (output string, err error) {
	path := filepath.Join(dir, filepath.FromSlash(m.file))
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	mutated, err := m.apply(string(source))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(mutated), 0o600); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, source, 0o600)) }()
	output, err = goTest(ctx, dir, filepath.Dir(m.file), m.tests)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return output, errors.New("it survived")
	case !errors.As(err, &exit) || ctx.Err() != nil:
		return output, err
	case strings.Contains(output, "[build failed]") || strings.Contains(output, "[setup failed]"):
		return output, fmt.Errorf("it does not compile:\n%s", output)
	}
	return output, nil
}

// goTest runs tests of a package in the module at dir, up to the first failure.
func goTest(ctx context.Context, dir, pkg, tests string) (string, error) {
	args := []string{"test", "-vet=off", "-ldflags=-s -w", "-count=1", "-failfast", "-short", "-timeout=2m", "-run", tests, "./" + filepath.ToSlash(pkg)}
	if usesRapid(filepath.Join(dir, pkg)) {
		// A fixed seed, so that what is caught once is caught again; no time spent on small examples.
		args = append(args, "-rapid.seed=1", "-rapid.checks=200", "-rapid.shrinktime=1ns", "-rapid.nofailfile")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// usesRapid reports whether the tests of a package know rapid's flags.
func usesRapid(pkg string) bool {
	files, _ := filepath.Glob(filepath.Join(pkg, "*_test.go"))
	for _, f := range files {
		if source, err := os.ReadFile(f); err == nil && bytes.Contains(source, []byte(`"pgregory.net/rapid"`)) {
			return true
		}
	}
	return false
}

func moduleRoot(ctx context.Context) (string, error) {
	gomod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(gomod)))
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return "", fmt.Errorf("not in a module: %w", err)
	}
	return root, nil
}

// copyModule copies what go test needs of the module at root: all but hidden folders, bin, and the failures that rapid
// has written down.
func copyModule(to, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir() && rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin" || d.Name() == "rapid"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
}
