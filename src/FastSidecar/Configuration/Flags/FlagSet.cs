using System.Text;
using FastSidecar.Observability.Logging;

namespace FastSidecar.Configuration.Flags;

/// <summary>
/// The flags of a command and how they are read: the rules and texts of spf13/pflag v1.0.6 and later, which daprd uses. <c>--f v</c>,
/// <c>--f=v</c>, a switch's value only with <c>=</c>, <c>-x v</c>, <c>-xv</c>, <c>-x=v</c>, <c>--</c> ends the flags, other words are
/// arguments. A value is whatever word follows, even <c>-1</c> or <c>--x</c>.
/// </summary>
internal sealed class FlagSet(string name)
{
    private readonly SortedDictionary<string, Flag> _flags = new(StringComparer.Ordinal);
    private readonly List<string> _arguments = [];

    /// <summary>The words that are not flags or their values.</summary>
    public IReadOnlyList<string> Arguments => _arguments;

    public TFlag Add<TFlag>(TFlag flag)
        where TFlag : Flag
    {
        _flags.Add(flag.Name, flag);
        return flag;
    }

    /// <summary>
    /// Reads <paramref name="args"/>. Writes to <paramref name="error"/> what pflag writes: deprecations as they come; the usage for
    /// <c>--help</c>; the usage and the reason for a flag it cannot take.
    /// </summary>
    public FlagReadResult Read(IReadOnlyList<string> args, TextWriter error)
    {
        var words = new Queue<string>(args);
        while (words.TryDequeue(out var word))
        {
            if (word == "--")
            {
                _arguments.AddRange(words);
                break;
            }

            if (word.Length < 2 || word[0] != '-')
            {
                _arguments.Add(word);
                continue;
            }

            try
            {
                if (word[1] == '-')
                {
                    ReadLong(word, words, error);
                }
                else
                {
                    ReadShort(word, words, error);
                }
            }
            catch (HelpRequest)
            {
                error.Write(Usage());
                return FlagReadResult.Help;
            }
            catch (FlagException e)
            {
                error.Write(Usage());
                error.Write(e.Message + "\n");
                return FlagReadResult.Error;
            }
        }

        return FlagReadResult.Ok;
    }

    /// <summary>The flags that are listed, sorted, their explanations in one column.</summary>
    public string Usage()
    {
        var listed = _flags.Values.Where(static flag => flag.Deprecated.Length == 0 && !flag.IsHidden).ToList();
        var width = listed.Max(static flag => UsageName(flag).Length);
        var text = new StringBuilder($"Usage of {name}:\n");
        foreach (var flag in listed)
        {
            text.Append(UsageName(flag).PadRight(width)).Append("   ").Append(UsageText(flag)).Append('\n');
        }

        return text.ToString();
    }

    private void ReadLong(string word, Queue<string> words, TextWriter error)
    {
        var body = word[2..];
        if (body[0] is '-' or '=')
        {
            throw new FlagException($"bad flag syntax: {word}");
        }

        var parts = body.Split('=', 2);
        if (!_flags.TryGetValue(parts[0], out var flag))
        {
            throw parts[0] == "help" ? new HelpRequest() : new FlagException($"unknown flag: --{parts[0]}");
        }

        var value = parts.Length == 2 ? parts[1]
            : flag.IsSwitch ? "true"
            : words.TryDequeue(out var next) ? next
            : throw new FlagException($"flag needs an argument: --{flag.Name}");
        Set(flag, value, error);
    }

    /// <summary><c>-abc</c>: switches one after the other; the first flag with a value takes the rest or the next word.</summary>
    private void ReadShort(string word, Queue<string> words, TextWriter error)
    {
        for (var letters = word[1..]; letters.Length > 0;)
        {
            var letter = letters[..1];
            if (_flags.Values.FirstOrDefault(flag => flag.Shorthand == letter) is not { } found)
            {
                throw letter == "h" ? new HelpRequest() : new FlagException($"unknown shorthand flag: '{letter}' in -{letters}");
            }

            if (letters.Length > 2 && letters[1] == '=')
            {
                Set(found, letters[2..], error);
                return;
            }

            if (found.IsSwitch)
            {
                Set(found, "true", error);
                letters = letters[1..];
                continue;
            }

            var value = letters.Length > 1 ? letters[1..]
                : words.TryDequeue(out var next) ? next
                : throw new FlagException($"flag needs an argument: '{letter}' in -{letters}");
            Set(found, value, error);
            return;
        }
    }

    private static void Set(Flag flag, string value, TextWriter error)
    {
        if (flag.Set(value) is { } reason)
        {
            var name = flag.Shorthand.Length > 0 ? $"-{flag.Shorthand}, --{flag.Name}" : $"--{flag.Name}";
            throw new FlagException($"invalid argument {GoQuote.Quote(value)} for {GoQuote.Quote(name)} flag: {reason}");
        }

        if (flag.Deprecated.Length > 0)
        {
            error.Write($"Flag --{flag.Name} has been deprecated, {flag.Deprecated}\n");
        }
    }

    private static string UsageName(Flag flag)
    {
        var shorthand = flag.Shorthand.Length > 0 ? $"  -{flag.Shorthand}, --{flag.Name}" : $"      --{flag.Name}";
        return flag.TypeName.Length > 0 ? $"{shorthand} {flag.TypeName}" : shorthand;
    }

    private static string UsageText(Flag flag)
    {
        var value = flag.TypeName == "string" ? GoQuote.Quote(flag.DefaultText) : flag.DefaultText;
        return flag.DefaultText.Length > 0 ? $"{flag.Usage} (default {value})" : flag.Usage;
    }

    private sealed class FlagException(string message) : Exception(message);

    private sealed class HelpRequest : Exception;
}

/// <summary>How reading the flags went.</summary>
internal enum FlagReadResult
{
    Ok,

    /// <summary>The usage was printed on request: the program ends well.</summary>
    Help,

    /// <summary>The usage and the reason were printed: the program ends with 2.</summary>
    Error,
}
