using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>
/// A daemon's log: one line an event on stderr, as text or JSON, or an entry of systemd's journal, each in one write. Everything that could steer a terminal or forge a line
/// is escaped, whatever the message held (ATTACKS 21). Logging never waits for who reads the log. Dispose it last.
/// </summary>
public sealed class DaemonLog : ILogger, IDisposable
{
    private readonly LogLines _lines;
    private readonly LogFormat _format;
    private readonly TimeProvider _time;
    private readonly JournalSocket? _journal;

    /// <summary>Whether this program's stderr is the journal.</summary>
    public static bool GoesToJournal => JournalSocket.HasStderr;

    public DaemonLog(LogFormat format, TimeProvider time)
    {
        _format = format != LogFormat.Auto ? format : JournalSocket.HasStderr ? LogFormat.Journal : LogFormat.Text;
        _time = time;
        Stream stderr = StandardStream.Error;
        if (_format == LogFormat.Journal)
            _journal = new JournalSocket(JournalSocket.SystemPath, stderr);
        _lines = new LogLines(_journal is null ? line => stderr.Write(line) : _journal.Send, ReportDropped);
    }

    internal DaemonLog(Action<byte[]> write, LogFormat format, TimeProvider time)
    {
        _format = format;
        _time = time;
        _lines = new LogLines(write, ReportDropped);
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
        _lines.Add(Line(logLevel, eventId, message, state as IReadOnlyList<KeyValuePair<string, object?>>));
    }

    public void Dispose()
    {
        if (_lines.End())
            _journal?.Dispose();
    }

    private byte[] ReportDropped(long lines) =>
        Line(LogLevel.Warning, new EventId(0, "LinesDropped"), $"{lines} log lines were dropped here: nobody read them in time", null);

    private byte[] Line(LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>>? values) => _format switch
    {
        LogFormat.Json => JsonLine(level, id, message, values),
        LogFormat.Journal => JournalEntry(level, id, message, values),
        _ => TextLine(level, message),
    };

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

    /// <summary>The fields of an entry. What is escaped holds no line break, so that each is one line (JOURNAL_NATIVE_PROTOCOL).</summary>
    private static byte[] JournalEntry(LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>>? values)
    {
        var fields = new StringBuilder();
        // The message first: JournalSocket shows that line where there is no journal.
        fields.Append(CultureInfo.InvariantCulture, $"{JournalSocket.MessageField}{SafeText.ForTerminal(message)}\nPRIORITY={Priority(level)}\n");
        fields.Append(CultureInfo.InvariantCulture, $"SYSLOG_IDENTIFIER={Path.GetFileName(Environment.ProcessPath)}\nQWAMOS_EVENT={id.Name}\nQWAMOS_EVENT_ID={id.Id}\n");
        foreach ((string name, object? value) in values ?? [])
        {
            if (name != "{OriginalFormat}")
                fields.Append(CultureInfo.InvariantCulture, $"QWAMOS_{JsonNamingPolicy.SnakeCaseUpper.ConvertName(name)}={SafeText.ForTerminal(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")}\n");
        }
        return Encoding.UTF8.GetBytes(fields.ToString());
    }

    /// <summary>syslog(3)'s.</summary>
    private static int Priority(LogLevel level) => level switch
    {
        LogLevel.Critical => 2,
        LogLevel.Error => 3,
        LogLevel.Warning => 4,
        _ => 6,
    };

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
