using System.Net;
using FastSidecar.Load;

namespace FastSidecar.Compare;

/// <summary>An arm that can be started, any number of times: its configurations are filled in once.</summary>
internal sealed class Arm : IDisposable
{
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ReadyPoll = TimeSpan.FromMilliseconds(10);

    private readonly List<ArmProcess> _processes = [];

    private Arm(string name, ArmFile file, Places places)
    {
        Name = name;
        File = file;
        Places = places;
    }

    /// <summary>The folder's name.</summary>
    public string Name { get; }

    public ArmFile File { get; }

    public Places Places { get; }

    public IReadOnlyList<ArmProcess> Processes => _processes;

    /// <summary>Reads the arm and writes its configurations under <paramref name="work"/>.</summary>
    /// <param name="places">What is known beside the arm's own ports.</param>
    /// <param name="name">The folder's, unless there is a second one of it.</param>
    public static Arm Prepare(string folder, string work, Places places, string? name = null)
    {
        name ??= Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        var file = ArmFile.Read(folder);
        var own = Path.Combine(work, name);
        Directory.CreateDirectory(own);
        var filled = places.With([.. Places.FreePorts(file.Ports), new("work", own)]);
        foreach (var path in Directory.EnumerateFiles(folder).Where(path => Path.GetFileName(path) != ArmFile.Name))
        {
            System.IO.File.WriteAllText(Path.Combine(own, Path.GetFileName(path)), filled.Fill(System.IO.File.ReadAllText(path)));
        }

        return new Arm(name, file, filled);
    }

    /// <param name="targets">More than one: the URL has a place for the number of the app id.</param>
    public string Url(string path, int targets = 1)
    {
        var id = targets == 1 ? "backend" : "backend" + LoadTarget.NumberPlace;
        return Places.With(new KeyValuePair<string, string>("path", path), new("id", id)).Fill(File.Url);
    }

    /// <summary>Starts its programs and waits until a request comes through to the app.</summary>
    public async Task StartAsync(string path)
    {
        foreach (var program in File.Processes)
        {
            _processes.Add(ArmProcess.Start(program, Places));
        }

        using var client = new HttpClient { Timeout = ReadyLimit };
        var limit = TimeProvider.System.GetTimestamp();
        var last = "no answer";
        while (TimeProvider.System.GetElapsedTime(limit) < ReadyLimit)
        {
            if (_processes.Find(process => process.HasEnded) is { } ended)
            {
                throw new CompareException($"{Name}: {ended.Name} has ended\n{ended.LastLines()}");
            }

            try
            {
                using var request = File.Grpc ? GrpcRequest(Url(path)) : new HttpRequestMessage(HttpMethod.Get, Url(path));
                using var answer = await client.SendAsync(request);
                if (answer.StatusCode == HttpStatusCode.OK && (!File.Grpc || IsOk(answer)))
                {
                    return;
                }

                last = $"status {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}";
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                last = e.Message;
            }

            await Task.Delay(ReadyPoll);
        }

        throw new CompareException($"{Name}: no answer through {Url(path)} within {ReadyLimit.TotalSeconds} s ({last})\n" + Logs());
    }

    private static HttpRequestMessage GrpcRequest(string url)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(GrpcConnection.Message(Body.Make(1024))),
        };
        request.Content.Headers.ContentType = new("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
        request.Headers.Add("dapr-app-id", LoadProgram.AppId);
        return request;
    }

    private static bool IsOk(HttpResponseMessage answer) =>
        answer.TrailingHeaders.TryGetValues("grpc-status", out var codes) && codes.SequenceEqual(["0"]);

    public string Logs() => string.Join('\n', _processes.Select(process => $"--- {process.Name}\n{process.LastLines()}"));

    public void Stop()
    {
        for (var i = _processes.Count - 1; i >= 0; i--)
        {
            _processes[i].Dispose();
        }

        _processes.Clear();
    }

    public void Dispose() => Stop();
}
