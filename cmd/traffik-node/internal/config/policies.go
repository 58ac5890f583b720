package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/traffik-io/traffik/cmd/traffik-node/internal/policy"
	"github.com/traffik-io/traffik/strategy"
)

// limit is one limit with the places of its fields.
type limit struct {
	policy.Limit
	at map[string]ast.Node
}

// policy reads one entry of policies.
func (p *fileParser) policy(name string, at, v ast.Node) {
	path := "policies." + name
	if !policy.IsName(name) {
		p.wrong(at, "policies: the name %q is not 1 to 64 printable ASCII characters", name)
	}
	before := len(p.problems)
	single := limit{at: map[string]ast.Node{"": at}}
	var several []limit
	p.mapping(v, path, func(key string, field, v ast.Node) {
		switch key {
		case "limits":
			several = p.limits(path, v)
			single.at[key] = field
		case "name":
			p.wrong(field, "%s.name: unknown field; the limits of a policy have names", path)
		default:
			p.limitField(&single, path, key, field, v)
		}
	})
	_, listed := single.at["limits"]
	switch {
	case listed && len(single.at) > 2:
		p.wrong(single.at["limits"], "%s.limits: leave no place for rate, strategy, params and unlimited", path)
	case !listed:
		several = []limit{single}
	}
	if len(p.problems) > before {
		return
	}
	p.add(name, path, several, single.at)
}

// limits reads a list of limits.
func (p *fileParser) limits(path string, v ast.Node) []limit {
	list, ok := v.(*ast.SequenceNode)
	if !ok {
		p.wrong(v, "%s.limits: want a list", path)
		return nil
	}
	out := make([]limit, len(list.Values))
	for i, item := range list.Values {
		path := fmt.Sprintf("%s.limits[%d]", path, i)
		out[i].at = map[string]ast.Node{"": item}
		p.mapping(item, path, func(key string, at, v ast.Node) {
			p.limitField(&out[i], path, key, at, v)
		})
	}
	return out
}

// limitField reads one field of a limit.
func (p *fileParser) limitField(l *limit, path, key string, at, v ast.Node) {
	path += "." + key
	l.at[key] = v
	switch key {
	case "name":
		l.Name, _ = p.scalar(path, v)
	case "rate":
		l.Rate, _ = p.scalar(path, v)
	case "strategy":
		l.Strategy, _ = p.scalar(path, v)
	case "unlimited":
		if b, ok := v.(*ast.BoolNode); ok {
			l.Unlimited = b.Value
		} else {
			p.wrong(v, "%s: want true or false", path)
		}
	case "params":
		l.Params = p.params(path, v)
	default:
		p.wrong(at, "%s: unknown field", path)
	}
}

// params are parameters as JSON.
func (p *fileParser) params(path string, v ast.Node) []byte {
	if _, ok := v.(ast.MapNode); !ok {
		p.wrong(v, "%s: want a mapping of parameters to values", path)
		return nil
	}
	var params map[string]any
	err := yaml.NodeToValue(v, &params)
	if err != nil {
		p.wrong(v, "%s: %s", path, yaml.FormatError(err, false, false))
		return nil
	}
	out, err := json.Marshal(params)
	if err != nil {
		p.wrong(v, "%s: %v", path, err)
	}
	return out
}

// add makes the policy of limits that are well formed. Each is tried alone first, since then its error has a place.
func (p *fileParser) add(name, path string, limits []limit, at map[string]ast.Node) {
	before := len(p.problems)
	all := make([]policy.Limit, len(limits))
	for i, l := range limits {
		all[i] = l.Limit
		if _, err := policy.New(p.registry, l.Limit); err != nil {
			inside := path
			if at["limits"] != nil {
				inside = fmt.Sprintf("%s.limits[%d]", path, i)
			}
			p.wrong(l.place(err), "%s.%v", inside, err)
		}
	}
	if len(p.problems) > before {
		return
	}
	made, err := policy.New(p.registry, all...)
	if err != nil {
		p.wrong(cmp.Or(at["limits"], at[""]), "%s.%s", path, strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	if p.out.Policies == nil {
		p.out.Policies = map[string]*strategy.Policy{}
	}
	p.out.Policies[name] = made
}

// place is the field that an error of a limit begins with, or the limit.
func (l limit) place(err error) ast.Node {
	for field, at := range l.at {
		if rest, ok := strings.CutPrefix(err.Error(), field); field != "" && ok && strings.IndexAny(rest, ":. ") == 0 {
			return at
		}
	}
	return l.at[""]
}
