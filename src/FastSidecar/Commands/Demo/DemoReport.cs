namespace FastSidecar.Commands.Demo;

/// <summary>What the demo tells the person who runs it.</summary>
internal sealed class DemoReport(TextWriter output)
{
    private const double Mebibyte = 1024 * 1024;

    public void Started(DemoMesh mesh)
    {
        Line("Two apps, each beside a sidecar process of its own; the sidecars find each other by mDNS on the loopback interface.");
        Line();
        Started(mesh.ShopApp, mesh.Shop);
        Started(mesh.WarehouseApp, mesh.Warehouse);
    }

    public void CallsBegin()
    {
        Line();
        Line("One app calls the other by its id");
        Line();
    }

    public void Called(DemoCall call, DemoAnswer answer, TimeSpan took, DemoSighting sighting)
    {
        Line($"  {call.Title,-13} POST http://127.0.0.1:{call.From.HttpPort}{call.Target}");
        if (call.HeaderName.Length > 0)
        {
            Line($"  {"",-13} {call.HeaderName}: {call.HeaderValue}");
        }

        Line($"  {"",-13} -> {answer.Status} in {took.TotalMilliseconds:F1} ms: {answer.Body.TrimEnd()}");
        Saw(sighting);
    }

    /// <summary>What an app saw.</summary>
    public void Saw(DemoSighting sighting)
    {
        var caller = sighting.Caller.Length > 0 ? $"from {sighting.Caller}" : "from nobody known";
        Line($"  {"",-13}    {sighting.App} saw {sighting.Method} {sighting.Target} {caller}, body {(sighting.Body.Length > 0 ? sighting.Body : "empty")}");
    }

    public void Cost(DemoCost cost)
    {
        Line();
        Line($"What it costs: POST of 1 KiB, answered with the same, one after the other on one connection ({cost.Direct.Requests} and {cost.Through.Requests} requests).");
        Line("The client and both apps are in the process of the demo; each sidecar is a process of its own.");
        Line();
        Line($"  {"",-30} {"p50",9} {"p99",9}");
        Latency("to the app itself", cost.Direct);
        Latency("through both sidecars", cost.Through);
        Line();
        Line($"  {"",-30} {"CPU",16} {"managed bytes",16} {"memory",12}");
        Line($"  {"",-30} {"per request",16} {"per request",16} {"(RSS)",12}");
        foreach (var sidecar in cost.Sidecars)
        {
            Line($"  {"sidecar of " + sidecar.AppId,-30} {sidecar.CpuMicroseconds,13:F1} µs {sidecar.AllocatedBytes,16:F1} {sidecar.ResidentBytes / Mebibyte,8:F1} MiB");
        }
    }

    public void NextSteps(DemoMesh mesh, bool keep)
    {
        Line();
        Line(keep ? "Everything is still running. Try:" : "Try it yourself: `fastsidecar demo --keep` leaves everything running, on ports it names. With those of this run:");
        Line();
        Line($"  curl -i 'http://127.0.0.1:{mesh.Shop.HttpPort}/v1.0/invoke/warehouse/method/stock?item=book'");
        Line($"  curl -i -H 'dapr-app-id: warehouse' -d '{{\"item\":\"book\"}}' http://127.0.0.1:{mesh.Shop.HttpPort}/reserve");
        Line($"  curl -i http://dapr-app-id:shop@127.0.0.1:{mesh.Warehouse.HttpPort}/shipped");
        Line($"  curl -s http://127.0.0.1:{mesh.Shop.HttpPort}/v1.0/metadata");
        Line($"  curl -s http://127.0.0.1:{mesh.Shop.MetricsPort}/metrics");
        if (keep)
        {
            Line();
            Line("What the apps see is shown here. Ctrl-C stops everything.");
        }
    }

    public void Stopped(TimeSpan took)
    {
        Line();
        Line($"Both sidecars have ended in {took.TotalMilliseconds:F0} ms; nothing is left running.");
    }

    public void Interrupted()
    {
        Line();
        Line("demo interrupted; nothing is left running.");
    }

    /// <summary>What went wrong, and what the sidecars said.</summary>
    public void Failed(string reason, DemoMesh? mesh)
    {
        Line();
        Line($"demo failed: {reason}");
        foreach (var sidecar in mesh is null ? [] : (DemoSidecar[])[mesh.Shop, mesh.Warehouse])
        {
            var log = sidecar.Log();
            Line($"the sidecar of {sidecar.AppId} logged {(log.Length == 0 ? "nothing" : "this:")}");
            foreach (var line in log)
            {
                Line($"  {line}");
            }
        }
    }

    private void Started(DemoApp app, DemoSidecar sidecar) =>
        Line($"  {app.Id,-10} app on {app.Port}; sidecar {sidecar.ProcessId}: HTTP {sidecar.HttpPort}, gRPC {sidecar.GrpcPort}, internal {sidecar.InternalPort}, "
            + $"metrics {sidecar.MetricsPort}; ready {sidecar.StartTime.TotalMilliseconds:F0} ms after its start");

    private void Latency(string what, Latency latency) => Line($"  {what,-30} {latency.P50,6:F0} µs {latency.P99,6:F0} µs");

    private void Line() => output.WriteLine();

    private void Line(string line) => output.WriteLine(line);
}
