package prompt_test

import (
	"fmt"

	"trimtab/prompt"
)

func ExampleParseTemplate() {
	t, err := prompt.ParseTemplate(`{sentence} It was {mask}.`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t)
	_, err = prompt.ParseTemplate(`{"placeholder": "sentence", "shortenabel": False} It was {"mask"}.`)
	fmt.Println(err)
	// Output:
	// {"placeholder": "sentence"} It was {"mask"}.
	// template: column 29: unknown key "shortenabel"; did you mean "shortenable"?
}

func ExampleParseVerbalizer() {
	v, err := prompt.ParseVerbalizer(map[string]any{"positive": []any{"great", "good"}, "negative": "bad"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Classes, v.Words)
	// Output:
	// [negative positive] [[bad] [great good]]
}
