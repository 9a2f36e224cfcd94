// Command kstatus reads objects from standard input, a JSON array, and prints what the tools of others make of them:
// kstatus, which Helm and Flux wait by, and the health of the Argo CD script named as the only argument. One JSON
// object a line, in the order of the input.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	Kstatus        status.Status `json:"kstatus"`
	KstatusMessage string        `json:"kstatusMessage"`
	Argo           string        `json:"argo"`
	ArgoMessage    string        `json:"argoMessage"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: kstatus HEALTH.LUA < objects.json")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var objects []unstructured.Unstructured
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for _, object := range objects {
		result, err := status.Compute(&object)
		if err != nil {
			return err
		}
		health, message, err := argo(string(script), object.Object)
		if err != nil {
			return err
		}
		if err := out.Encode(verdict{result.Status, result.Message, health, message}); err != nil {
			return err
		}
	}
	return nil
}

// argo runs a health script as Argo CD does: the object in the global obj, and of the standard libraries only what
// the language cannot do without.
func argo(script string, object map[string]any) (health, message string, err error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	state.Push(state.NewFunction(lua.OpenBase))
	state.Push(lua.LString(lua.BaseLibName))
	if err := state.PCall(1, 0, nil); err != nil {
		return "", "", err
	}
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(script); err != nil {
		return "", "", err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("the script returned a %s", state.Get(-1).Type())
	}
	return lua.LVAsString(table.RawGetString("status")), lua.LVAsString(table.RawGetString("message")), nil
}

func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case bool:
		return lua.LBool(from)
	case int64:
		return lua.LNumber(from)
	case float64:
		return lua.LNumber(from)
	case string:
		return lua.LString(from)
	case []any:
		table := state.NewTable()
		for _, item := range from {
			table.Append(value(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range from {
			table.RawSetString(key, value(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
