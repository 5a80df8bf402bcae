namespace FastSidecar.Conformance.Wire;

/// <summary>Named meeting points of the client's and the app's script: <c>signal</c> sets one, <c>wait_signal</c> waits for it.</summary>
internal sealed class Rendezvous
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TaskCompletionSource> _points = [];

    public void Set(string name) => Point(name).TrySetResult();

    public Task WaitAsync(string name, TimeSpan patience) => Task.WhenAny(Point(name).Task, Task.Delay(patience));

    public void Clear()
    {
        lock (_lock)
        {
            _points.Clear();
        }
    }

    private TaskCompletionSource Point(string name)
    {
        lock (_lock)
        {
            if (!_points.TryGetValue(name, out var point))
            {
                _points[name] = point = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            return point;
        }
    }
}
