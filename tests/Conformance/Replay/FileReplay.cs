using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Replay.Special;
using FastSidecar.Conformance.Replay.Special.Grpc;
using FastSidecar.Conformance.Replay.Special.Mdns;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Conformance.Replay;

/// <summary>Replays one recorded file: starts its topology, runs its cases and hands each result to <c>report</c>.</summary>
internal sealed class FileReplay(ReplaySettings settings, Action<JsonObject> report)
{
    private readonly Lock _reporting = new();

    public async Task RunAsync(string name)
    {
        var file = CaseFile.Load(name);
        switch (name)
        {
            case "http/startup":
                await StartupReplay.RunAsync(settings, file, RunAsync);
                break;
            case "http/apphealth":
                await AppHealthReplay.RunAsync(settings, file, RunAsync);
                break;
            case "http/concurrency":
                await ConcurrencyReplay.RunAsync(settings, file, RunAsync);
                break;
            case "http/shutdown":
                await ShutdownReplay.RunAsync(settings, file, RunAsync);
                break;
            case "http/metadata" or "http/metadata-raw":
                await MetadataReplay.RunAsync(settings, file, RunAsync);
                break;
            case "http/http2-ingress":
                await Http2IngressReplay.RunAsync(settings, file, RunAsync);
                break;
            case "http/app-h2c":
                await H2cAppReplay.RunAsync(settings, file, RunAsync);
                break;
            case "http/api-logging":
                await ApiLoggingReplay.RunAsync(settings, file, RunAsync);
                break;
            case "grpc/wire-http" or "grpc/wire-idle" or "grpc/wire-slowbody":
                await WireReplay.RunAsync(settings, file, RunAsync);
                break;
            case "grpc/caller":
                await CallerReplay.RunAsync(settings, file, RunAsync);
                break;
            case "grpc/callee":
                await CalleeReplay.RunAsync(settings, file, RunAsync);
                break;
            case "runtime/lifecycle-start":
                await LifecycleStartReplay.RunAsync(settings, file, RunAsync);
                break;
            case "runtime/lifecycle-shutdown":
                await LifecycleShutdownReplay.RunAsync(settings, file, RunAsync);
                break;
            case "runtime/mdns-server":
                await MdnsServerReplay.RunAsync(settings, file, RunAsync);
                break;
            case "runtime/mdns-client":
                await MdnsClientReplay.RunAsync(settings, file, RunAsync);
                break;
            case "runtime/mdns-peer-answers":
                await MdnsPeerAnswersReplay.RunAsync(settings, file, RunAsync);
                break;
            case "runtime/mdns-instances":
                await MdnsInstancesReplay.RunAsync(settings, file, RunAsync);
                break;
            case "runtime/mdns-interfaces":
                await MdnsInterfacesReplay.RunAsync(settings, file, RunAsync);
                break;
            case "runtime/cli":
                await CliReplay.RunAsync(settings, file, RunAsync);
                break;
            default:
                await PlainReplay.RunAsync(settings, file, RunAsync);
                break;
        }
    }

    /// <summary>Whether the developer asked for this case; files whose cases build on each other run the others too.</summary>
    private bool IsWanted(JsonObject recorded) => Regex.IsMatch(CaseFile.NameOf(recorded), settings.CasePattern);

    private async Task RunAsync(CaseFile file, JsonObject recorded, Func<JsonObject, Task<JsonObject>> run)
    {
        if (!IsWanted(recorded) && !ReplayPlan.RunsInOrder(file.Name))
        {
            return;
        }

        JsonObject actual;
        var clock = new FairClock();
        try
        {
            actual = await run(recorded);
        }
        catch (Exception e)
        {
            // The case fails with this text; the others still run.
            actual = new JsonObject { ["replay_error"] = e.ToString() };
        }

        lock (_reporting)
        {
            report(new JsonObject { ["file"] = file.Name, ["name"] = CaseFile.NameOf(recorded), ["actual"] = actual, ["lost_s"] = clock.Lost.TotalSeconds });
        }
    }
}

/// <summary>Runs one case of a file and reports what it saw, or why it could not be run.</summary>
internal delegate Task RunCase(CaseFile file, JsonObject recorded, Func<JsonObject, Task<JsonObject>> run);
