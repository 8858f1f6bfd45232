package local

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
)

// NewChartCommand renders a Helm chart as `helm template --include-crds` does,
// with Helm's own engine: values come as JSON on stdin, manifests go to stdout.
// The commands of Helm themselves would double what has to be compiled for it.
func NewChartCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "chart RELEASE NAMESPACE FOLDER",
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return render(cmd.InOrStdin(), cmd.OutOrStdout(), args[0], args[1], args[2])
		},
	}
}

func render(in io.Reader, out io.Writer, release, namespace, folder string) error {
	values := map[string]any{}
	if err := json.NewDecoder(in).Decode(&values); err != nil {
		return fmt.Errorf("values: %w", err)
	}
	chart, err := loader.LoadDir(folder)
	if err != nil {
		return err
	}
	if err := chartutil.ProcessDependencies(chart, values); err != nil {
		return err
	}
	options := common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(chart, values, options, common.DefaultCapabilities)
	if err != nil {
		return err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return err
	}
	for _, definition := range chart.CRDObjects() {
		document(out, definition.Filename, string(definition.File.Data))
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if base := path.Base(name); base != "NOTES.txt" && !strings.HasPrefix(base, "_") {
			document(out, name, files[name])
		}
	}
	return nil
}

func document(out io.Writer, name, text string) {
	if strings.TrimSpace(text) != "" {
		fmt.Fprintf(out, "---\n# Source: %s\n%s\n", name, text)
	}
}
