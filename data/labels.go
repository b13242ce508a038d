package data

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Labels are the classes of a field: class i is called Names[i].
type Labels struct {
	Names []string
	index map[string]int
}

// NewLabels makes classes of names in the order given. A name that comes twice is an error that wraps [ErrLabel].
func NewLabels(names []string) (*Labels, error) {
	l := &Labels{Names: slices.Clone(names), index: map[string]int{}}
	for i, name := range names {
		if _, twice := l.index[name]; twice {
			return nil, fmt.Errorf("%w: %q is listed twice", ErrLabel, name)
		}
		l.index[name] = i
	}
	return l, nil
}

// Order is the order of classes that are collected from data.
type Order uint8

// Sorted orders names as numbers if all are integers, else by their bytes. FirstSeen keeps the order of the rows.
const (
	Sorted Order = iota
	FirstSeen
)

// CollectLabels makes classes of the values that a field has; errors as [Dataset.Value].
func (d *Dataset) CollectLabels(field string, order Order) (*Labels, error) {
	values, err := d.Column(field)
	if err != nil {
		return nil, err
	}
	var names []string
	seen, numbers := map[string]bool{}, map[string]int{}
	for _, v := range values {
		if seen[v] {
			continue
		}
		seen[v] = true
		names = append(names, v)
		if n, err := strconv.Atoi(v); err == nil {
			numbers[v] = n
		}
	}
	if order == Sorted {
		slices.SortFunc(names, func(a, b string) int {
			if len(numbers) == len(names) {
				return cmp.Or(cmp.Compare(numbers[a], numbers[b]), cmp.Compare(a, b))
			}
			return cmp.Compare(a, b)
		})
	}
	return NewLabels(names)
}

// Class gives the class of a name.
func (l *Labels) Class(name string) (class int, ok bool) {
	class, ok = l.index[name]
	return class, ok
}

// Classes gives the classes of all rows. A value that is none of the names is an error that wraps [ErrLabel] and
// names the file, the line, the value and the names.
func (d *Dataset) Classes(field string, l *Labels) ([]int, error) {
	values, err := d.Column(field)
	if err != nil {
		return nil, err
	}
	classes := make([]int, len(values))
	for i, v := range values {
		class, ok := l.Class(v)
		if !ok {
			return nil, fmt.Errorf("%w: %s is %q, expected one of %s", d.at(i, ErrLabel), field, v, quoted(l.Names))
		}
		classes[i] = class
	}
	return classes, nil
}
