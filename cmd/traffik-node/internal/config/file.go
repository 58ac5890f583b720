package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/pflag"

	"github.com/traffik-io/traffik/strategy"
)

// File is what a file sets.
type File struct {
	// Policies are by name; nil if there are none.
	Policies map[string]*strategy.Policy

	values map[string]string // by flag
}

// Problem is one error of a file.
type Problem struct {
	Line, Column int // from 1
	Text         string
}

// FileError is all that is wrong with a file, in the order of its lines.
type FileError struct {
	Path     string
	Problems []Problem
}

// Error implements error with one line for each problem.
func (e *FileError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", e.Path, p.Line, p.Column, p.Text)
	}
	return strings.Join(lines, "\n")
}

// ParseFile reads a file. The error is a *FileError.
func ParseFile(r *strategy.Registry, path string, data []byte) (File, error) {
	fs := pflag.NewFlagSet(path, pflag.ContinueOnError)
	New(fs)
	p := &fileParser{registry: r, flags: fs, out: File{values: map[string]string{}}}
	p.document(data)
	if len(p.problems) == 0 {
		return p.out, nil
	}
	slices.SortStableFunc(p.problems, func(a, b Problem) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column)
	})
	return File{}, &FileError{Path: path, Problems: p.problems}
}

// fileParser collects what a file says and what is wrong with it.
type fileParser struct {
	registry *strategy.Registry
	flags    *pflag.FlagSet // to check values with
	out      File
	problems []Problem
}

func (p *fileParser) wrong(at ast.Node, format string, args ...any) {
	pos := at.GetToken().Position
	p.problems = append(p.problems, Problem{pos.Line, pos.Column, fmt.Sprintf(format, args...)})
}

func (p *fileParser) document(data []byte) {
	f, err := parser.ParseBytes(data, 0)
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax):
		pos := syntax.GetToken().Position
		p.problems = append(p.problems, Problem{pos.Line, pos.Column, syntax.GetMessage()})
		return
	case err != nil:
		p.problems = append(p.problems, Problem{1, 1, err.Error()})
		return
	}
	for i, d := range f.Docs {
		switch {
		case d.Body == nil:
		case i > 0:
			p.wrong(d.Body, "a second document")
		default:
			p.mapping(d.Body, "", p.setting)
		}
	}
}

// mapping calls each with the members of a mapping, which n must be.
func (p *fileParser) mapping(n ast.Node, path string, each func(key string, at, v ast.Node)) {
	m, ok := n.(ast.MapNode)
	if !ok {
		p.wrong(n, "%swant a mapping of names to values", prefix(path))
		return
	}
	for it := m.MapRange(); it.Next(); {
		key, ok := it.Key().(*ast.StringNode)
		if !ok {
			p.wrong(it.Key(), "%s%s: a name is a plain string", prefix(path), it.Key())
			continue
		}
		each(key.Value, key, it.Value())
	}
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// scalar is the text of a single value; an empty one is as wrong as a list.
func (p *fileParser) scalar(path string, v ast.Node) (s string, ok bool) {
	switch v.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value, true
	}
	p.wrong(v, "%s: want a single value", path)
	return "", false
}

// setting reads one top-level entry.
func (p *fileParser) setting(key string, at, v ast.Node) {
	if key == "policies" {
		p.mapping(v, key, p.policy)
		return
	}
	flag := p.flags.Lookup(strings.ReplaceAll(key, "_", "-"))
	switch {
	case flag == nil || flag.Name == fileFlag:
		p.wrong(at, "%s: unknown setting", key)
		return
	case strings.Contains(key, "-"):
		p.wrong(at, "%s: unknown setting, write %s", key, strings.ReplaceAll(key, "-", "_"))
		return
	}
	s, ok := p.settingText(key, v)
	if !ok {
		return
	}
	if err := flag.Value.Set(s); err != nil {
		p.wrong(v, "%s: %q %v", key, s, err)
		return
	}
	p.out.values[flag.Name] = s
}

// settingText is the text of a setting; of join, which may be a list, with commas.
func (p *fileParser) settingText(key string, v ast.Node) (string, bool) {
	list, ok := v.(*ast.SequenceNode)
	if !ok || key != "join" {
		return p.scalar(key, v)
	}
	var all []string
	for _, item := range list.Values {
		s, ok := p.scalar(key, item)
		if !ok {
			return "", false
		}
		all = append(all, s)
	}
	return strings.Join(all, ","), true
}
