using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>
/// A daemon's log: one line an event on stderr, as text or JSON, each in one write. Everything that could steer a terminal or forge a line
/// is escaped, whatever the message held (ATTACKS 21). Logging never waits for who reads the log. Dispose it last.
/// </summary>
public sealed class DaemonLog : ILogger, IDisposable
{
    private readonly LogLines _lines;
    private readonly LogFormat _format;
    private readonly TimeProvider _time;

    public DaemonLog(LogFormat format, TimeProvider time)
        : this(Console.OpenStandardError(), format, time)
    {
    }

    internal DaemonLog(Stream output, LogFormat format, TimeProvider time)
    {
        _format = format;
        _time = time;
        _lines = new LogLines(output, ReportDropped);
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        ArgumentNullException.ThrowIfNull(formatter);
        if (!IsEnabled(logLevel))
            return;
        string message = formatter(state, exception);
        if (exception is not null)
            message += ": " + exception.Message;
        byte[] line = _format == LogFormat.Json
            ? JsonLine(logLevel, eventId, message, state as IReadOnlyList<KeyValuePair<string, object?>>)
            : TextLine(logLevel, message);
        _lines.Add(line);
    }

    public void Dispose() => _lines.Dispose();

    private byte[] ReportDropped(long lines)
    {
        string message = $"{lines} log lines were dropped here: nobody read them in time";
        return _format == LogFormat.Json ? JsonLine(LogLevel.Warning, new EventId(0, "LinesDropped"), message, null) : TextLine(LogLevel.Warning, message);
    }

    private static string LevelName(LogLevel level) => level switch
    {
        LogLevel.Critical => "fatal",
        LogLevel.Error => "error",
        LogLevel.Warning => "warn",
        _ => "info",
    };

    private string Now() => _time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private byte[] TextLine(LogLevel level, string message) =>
        Encoding.UTF8.GetBytes($"{Now()} {LevelName(level),-5} {SafeText.ForTerminal(message)}\n");

    private byte[] JsonLine(LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>>? values)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("time", Now());
            json.WriteString("level", LevelName(level));
            json.WriteString("event", id.Name);
            json.WriteString("message", SafeText.ForTerminal(message));
            foreach ((string name, object? value) in values ?? [])
            {
                if (name != "{OriginalFormat}")
                    WriteValue(json, JsonNamingPolicy.SnakeCaseLower.ConvertName(name), value);
            }
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteValue(Utf8JsonWriter json, string name, object? value)
    {
        if (value is int or long or uint)
            json.WriteNumber(name, Convert.ToInt64(value, CultureInfo.InvariantCulture));
        else
            json.WriteString(name, SafeText.ForTerminal(Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""));
    }
}
