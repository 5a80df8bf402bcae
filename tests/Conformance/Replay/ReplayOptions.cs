using System.Globalization;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay;

/// <summary>The command line of the replayer.</summary>
internal sealed record ReplayOptions
{
    public const string Usage = $"""
        usage: FastSidecar.Conformance [FILE…] [--cases REGEX] [--show N] [--names] [--binary PATH] [--keep FOLDER] [--parallel N] [--perturb MODES] [--here] [--write-page]

          FILE            recorded files (http/routing, or routing for short); none: all of them
          --cases REGEX   only cases whose name matches
          --show N        print the first N differences in full
          --names         print the names of all differing cases
          --binary PATH   the sidecar (default: $FASTSIDECAR_BINARY, else artifacts/daprd of the repository)
          --keep FOLDER   where logs and results go (default: a temporary folder)
          --perturb MODES how bytes arrive: one or more (a,b) of {Perturbation.Names}; a@7 is another seed
          --parallel N    topologies at a time (default 4)
          --write-page    rewrite docs/compatibility.md from differences.json, and nothing else
          --here          no network namespaces: one topology at a time, mDNS on lo
        """;

    public IReadOnlyList<string> Files { get; init; } = [];

    public string CasePattern { get; init; } = "";

    public int Show { get; init; }

    public bool Names { get; init; }

    public string? Binary { get; init; }

    public string? Keep { get; init; }

    public int Parallel { get; init; } = 4;

    /// <summary>As given; empty: the recorded steps as they are.</summary>
    public string Perturb { get; init; } = "";

    public Perturbation Perturbation => Perturb.Length == 0 ? Perturbation.None : Perturbation.Parse(Perturb);

    public bool Here { get; init; }

    public bool WritePage { get; init; }

    /// <summary>Set for the child that replays one file inside its network: where its results go.</summary>
    public string? ResultFile { get; init; }

    public static ReplayOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new ReplayOptions();
        List<string> files = [];
        for (var i = 0; i < arguments.Count; i++)
        {
            options = arguments[i] switch
            {
                "--cases" => options with { CasePattern = Value() },
                "--show" => options with { Show = Number() },
                "--names" => options with { Names = true },
                "--binary" => options with { Binary = Path.GetFullPath(Value()) },
                "--keep" => options with { Keep = Path.GetFullPath(Value()) },
                "--perturb" => options with { Perturb = Value() },
                "--parallel" => options with { Parallel = Number() },
                "--write-page" => options with { WritePage = true },
                "--here" => options with { Here = true },
                "--results" => options with { ResultFile = Value() },
                ['-', ..] => throw new ArgumentException($"unknown flag {arguments[i]}\n{Usage}"),
                _ => WithFile(arguments[i]),
            };

            string Value() => ++i < arguments.Count ? arguments[i] : throw new ArgumentException($"{arguments[i - 1]} needs a value\n{Usage}");

            int Number() => int.Parse(Value(), CultureInfo.InvariantCulture);
        }

        return options with { Files = files };

        ReplayOptions WithFile(string file)
        {
            files.Add(file.Contains('/') ? file : "http/" + file);
            return options;
        }
    }
}
