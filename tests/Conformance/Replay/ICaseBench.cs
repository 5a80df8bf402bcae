using System.Net;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay;

/// <summary>What a case needs around it: real sidecars (<see cref="Topology"/>), or a stand-in when the replayer itself is tested.</summary>
internal interface ICaseBench
{
    ScriptedApp App { get; }

    /// <summary>An HTTP server that is nobody's app.</summary>
    ScriptedApp Outside { get; }

    Rendezvous Rendezvous { get; }

    Placeholders Placeholders { get; }

    Perturbation Perturbation { get; }

    /// <summary>The process a case calls when it does not say which.</summary>
    string DefaultTarget { get; }

    /// <summary>Where a case's <c>to</c> listens: a process, its public port (<c>x_public</c>) or its unix socket (<c>x_socket</c>).</summary>
    EndPoint Address(string to, string host);

    /// <summary>Sidecars that ended by themselves since the last look, with exit codes; each is started again.</summary>
    Task<JsonObject?> CrashesAsync();
}
