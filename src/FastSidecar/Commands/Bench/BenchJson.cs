using System.Globalization;
using System.Text;
using FastSidecar.Configuration;

namespace FastSidecar.Commands.Bench;

/// <summary>
/// All numbers for a program: times in microseconds, sizes in bytes, arrays with a value for each block. Names and texts are all
/// known here, and none needs escaping.
/// </summary>
internal sealed class BenchJson
{
    private readonly StringBuilder _text = new();
    private readonly BenchResult _result;

    private BenchJson(BenchResult result)
    {
        _result = result;
    }

    public static string Of(BenchResult result)
    {
        var json = new BenchJson(result);
        json.Write();
        return json._text.ToString();
    }

    private void Write()
    {
        var options = _result.Options;
        _text.Append($"{{\"version\":\"{ProductVersion.Own}\"");
        Number("rate", options.Rate);
        Number("connections", options.Connections);
        Number("sizeBytes", options.SizeBytes);
        Number("secondsPerRun", options.RunTime.TotalSeconds);
        Number("blocks", options.Blocks);

        Begin("latency");
        Latency("p50", static all => all.P50);
        Latency("p90", static all => all.P90);
        Latency("p99", static all => all.P99);
        End();

        Begin("cpuPerRequest");
        Cpu("atRate", static block => block.Rate.Through, _result.RateCpu());
        Cpu("closedLoop", static block => block.Closed.Through, _result.ClosedCpu());
        End();

        Begin("residentBytes");
        Begin("before");
        Number("caller", _result.ResidentBefore[0]);
        Number("callee", _result.ResidentBefore[1]);
        End();
        Begin("after");
        Number("caller", _result.ResidentAfter[0]);
        Number("callee", _result.ResidentAfter[1]);
        End();
        End();

        Begin("closedLoopPerSecond");
        Numbers("direct", _result.Each(static block => block.Closed.Direct.PerSecond));
        Numbers("through", _result.Each(static block => block.Closed.Through.PerSecond));
        End();

        Begin("lateness");
        Numbers("p50", _result.Each(static block => block.Rate.Through.Lateness.P50));
        Numbers("p99", _result.Each(static block => block.Rate.Through.Lateness.P99));
        End();
        Number("waited", _result.Waited);
        Limits();
        _text.Append('}');
    }

    private void Latency(string name, Func<Quantiles, double> quantile)
    {
        Begin(name);
        Numbers("direct", _result.Each(block => quantile(block.Rate.Direct.Latency)));
        Numbers("through", _result.Each(block => quantile(block.Rate.Through.Latency)));
        Interval("added", _result.Added(quantile));
        End();
    }

    private void Cpu(string name, Func<BenchBlock, LoadRun> run, Estimate both)
    {
        Begin(name);
        Numbers("caller", _result.Each(block => run(block).CallerCpu));
        Numbers("callee", _result.Each(block => run(block).CalleeCpu));
        Interval("both", both);
        End();
    }

    private void Interval(string name, Estimate estimate)
    {
        Begin(name);
        Number("median", estimate.Median);
        Number("low", estimate.Low);
        Number("high", estimate.High);
        End();
    }

    private void Limits()
    {
        Name("limits");
        _text.Append('[');
        foreach (var limit in _result.Limits())
        {
            Separate();
            _text.Append("{\"name\":\"").Append(limit.Name).Append('"');
            Number("limit", limit.Limit);
            Number("measured", limit.Measured);
            Name("exceeded");
            _text.Append(limit.IsExceeded ? "true}" : "false}");
        }

        _text.Append(']');
    }

    private void Begin(string name)
    {
        Name(name);
        _text.Append('{');
    }

    private void End() => _text.Append('}');

    private void Number(string name, double number)
    {
        Name(name);
        Number(number);
    }

    private void Numbers(string name, double[] numbers)
    {
        Name(name);
        _text.Append('[');
        foreach (var number in numbers)
        {
            Separate();
            Number(number);
        }

        _text.Append(']');
    }

    private void Number(double number) => _text.Append(Math.Round(number, 3).ToString(CultureInfo.InvariantCulture));

    private void Name(string name)
    {
        Separate();
        _text.Append('"').Append(name).Append("\":");
    }

    /// <summary>A comma, but not behind what has just begun.</summary>
    private void Separate()
    {
        if (_text[^1] is not ('{' or '['))
        {
            _text.Append(',');
        }
    }
}
