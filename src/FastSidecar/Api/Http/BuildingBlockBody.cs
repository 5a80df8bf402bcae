using System.Buffers.Text;
using System.Text.Json;

namespace FastSidecar.Api.Http;

/// <summary>The little that the other building blocks read of a request's body before they find that nothing is configured.</summary>
internal static class BuildingBlockBody
{
    private const string MalformedRequest = "ERR_MALFORMED_REQUEST";

    private static readonly BuildingBlockAnswer LockExpiry =
        new(400, MalformedRequest, "ExpiryInSeconds is not positive in lock store {0}");

    private static readonly BuildingBlockAnswer ScheduleEmpty =
        new(
            400,
            "DAPR_SCHEDULER_SCHEDULE_EMPTY",
            "Schedule is empty",
            Reason: "DAPR_SCHEDULER_SCHEDULE_EMPTY",
            Detail: ErrorDetail.AppIdAndNamespace);

    /// <summary>
    /// The answer to a request whose body was read, which is needed where <see cref="BuildingBlockAnswer.Body"/> is not
    /// <see cref="BlockBody.Ignored"/>.
    /// </summary>
    public static BuildingBlockAnswer Decide(BuildingBlockAnswer answer, ReadOnlySpan<byte> body)
    {
        if (answer.Body == BlockBody.Ignored)
        {
            return answer;
        }

        if (body.IsEmpty && answer.Body != BlockBody.Json)
        {
            return answer.Body switch
            {
                BlockBody.Lock => LockExpiry,
                BlockBody.Job => ScheduleEmpty,
                _ => answer,
            };
        }

        var hasExpiry = false;
        var hasSchedule = false;
        if (JsonProblem(body, ref hasExpiry, ref hasSchedule) is { } problem)
        {
            return new BuildingBlockAnswer(400, MalformedRequest, $"failed deserializing HTTP body: {problem}");
        }

        return answer.Body switch
        {
            BlockBody.Lock when !hasExpiry => LockExpiry,
            BlockBody.Job when !hasSchedule => ScheduleEmpty,
            _ => answer,
        };
    }

    /// <summary>Null when the body begins with a JSON value; notes what the lock and jobs APIs ask for on the way.</summary>
    private static string? JsonProblem(ReadOnlySpan<byte> body, ref bool hasExpiry, ref bool hasSchedule)
    {
        if (body.Trim(" \t\r\n"u8).IsEmpty)
        {
            return "EOF";
        }

        var reader = new Utf8JsonReader(body);
        try
        {
            if (!reader.Read())
            {
                return "unexpected EOF";
            }

            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                return null;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isExpiry = reader.ValueTextEquals("expiryInSeconds"u8) || reader.ValueTextEquals("expiry_in_seconds"u8);
                var isDueTime = reader.ValueTextEquals("dueTime"u8) || reader.ValueTextEquals("due_time"u8);
                var isSchedule = isDueTime || reader.ValueTextEquals("schedule"u8);
                reader.Read();
                hasSchedule |= isSchedule && reader.TokenType != JsonTokenType.Null;
                hasExpiry |= isExpiry && IsPositive(ref reader);
                reader.Skip();
            }

            return null;
        }
        catch (JsonException)
        {
            return LiteralProblem(body.TrimStart(" \t\r\n"u8)) ?? "invalid JSON";
        }
    }

    private static bool IsPositive(ref Utf8JsonReader reader) =>
        reader.TokenType is JsonTokenType.Number or JsonTokenType.String &&
        Utf8Parser.TryParse(reader.ValueSpan, out long value, out var consumed) && consumed == reader.ValueSpan.Length && value > 0;

    /// <summary>Go's words for a first value that is none; they are what people see who send plain text.</summary>
    private static string? LiteralProblem(ReadOnlySpan<byte> body)
    {
        var literal = body[0] switch
        {
            (byte)'n' => "null",
            (byte)'t' => "true",
            (byte)'f' => "false",
            (byte)'{' or (byte)'[' or (byte)'"' or (byte)'-' or (>= (byte)'0' and <= (byte)'9') => null,
            _ => "",
        };

        if (literal is null)
        {
            return null;
        }

        if (literal.Length == 0)
        {
            return $"invalid character {GoCharacter(body[0])} looking for beginning of value";
        }

        for (var i = 1; i < literal.Length; i++)
        {
            if (i == body.Length)
            {
                return "unexpected EOF";
            }

            if (body[i] != literal[i])
            {
                return $"invalid character {GoCharacter(body[i])} in literal {literal} (expecting '{literal[i]}')";
            }
        }

        return null;
    }

    private static string GoCharacter(byte value) => value switch
    {
        (byte)'\'' => @"'\''",
        (byte)'"' => "'\"'",
        < 0x20 or >= 0x7f => $"'\\x{value:x2}'",
        _ => $"'{(char)value}'",
    };
}
