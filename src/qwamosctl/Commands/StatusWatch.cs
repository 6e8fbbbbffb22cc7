using System.Globalization;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>status --watch</c>: a terminal is drawn anew; elsewhere each line stands for itself and only what changed is printed; as JSON one object a line. Until it is interrupted, or
/// nobody reads any more.
/// </summary>
internal sealed class StatusWatch(Session session)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>What differs in each answer, and is no news.</summary>
    private static readonly HashSet<string> Restless = new(StringComparer.Ordinal) { "clock", "stages", "requests", "checkpoint", "root_hash", "last_update" };

    // No domain's name begins with a space: these lines come first.
    private const string Courier = " 0";
    private const string Policy = " 1 ";
    private const string Staged = " 2 ";

    private SortedDictionary<string, string> _shown = new(StringComparer.Ordinal);
    private string? _news;
    private bool _isDown;

    public int Run()
    {
        for (var isFirst = true; session.Terminal.OutputFault is null; isFirst = false)
        {
            if (StatusQuestion.TryAsk(session, out var answer, out var failure) && answer.IsOk && answer.HasObject("policy"))
            {
                CarriedCheckpoint carried = new(session, answer);
                Show(answer, carried.Shown);
                // A ledger that is not the one seen before is no status to follow; a daemon that has ended before it could prove that is asked again.
                if (carried.TryAccept(out failure))
                    _isDown = false;
                else if (failure.Exit == ExitCode.NotReachable)
                    SayDown(failure.Reason);
                else
                    return session.Fail(failure);
            }
            else if (isFirst)
            {
                return session.Fail(failure ?? Bus.Incomplete(session, "policy"));
            }
            else
            {
                SayDown(failure?.Reason ?? answer.Reason ?? "the daemon gives no status");
            }
            Task.Delay(Pause, session.Terminal.Clock).Wait();
        }
        return (int)ExitCode.Done;
    }

    /// <summary>Once: it may be starting anew.</summary>
    private void SayDown(string why)
    {
        if (!_isDown)
            session.Terminal.Complain($"{why}; asking on");
        _isDown = true;
    }

    private void Show(AnswerReader answer, JsonValue shown)
    {
        if (session.Json)
        {
            var news = JsonText.ToText(JsonValue.Object(answer.Document.Members.Where(member => !Restless.Contains(member.Key)).Select(member => (member.Key, member.Value))));
            if (news != _news)
                session.Terminal.Print(JsonText.ToText(shown) + "\n");
            _news = news;
            return;
        }
        if (session.Terminal.OutputIsTerminal)
        {
            // Home, the text, and nothing of the one before below it.
            session.Terminal.Print("\u001b[H\u001b[2J" + session.Placed(StatusReport.Describe(answer, session.TryLoadSchema(out var schema, out _) ? schema : null, session.Terminal.OutputPaint, session.Now)));
            return;
        }
        var time = DateTimeOffset.FromUnixTimeSeconds(session.Now).ToString("HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var lines = Lines(answer);
        // What is of a domain ends with the domain's own line, which says why; a staged value, when it is applied or dropped.
        var text = string.Concat(lines.Where(line => _shown.GetValueOrDefault(line.Key) != line.Value).Select(line => $"{time}  {line.Value}\n"))
            + string.Concat(_shown.Where(line => line.Key.StartsWith(Staged, StringComparison.Ordinal) && !lines.ContainsKey(line.Key)).Select(line => $"{time}  waits no more  {line.Key[Staged.Length..]}\n"));
        if (text.Length > 0)
            session.Terminal.Print(session.Placed(text)!);
        _shown = lines;
    }

    private SortedDictionary<string, string> Lines(AnswerReader answer)
    {
        var lines = DomainTable.Lines(answer, session.TryLoadSchema(out var schema, out _) ? schema : null);
        if (answer.TextOf("courier") is { } courier)
            lines[Courier] = $"courier  {KeyText.Of(JsonValue.Of(courier))}";
        foreach (var (name, value) in answer.ObjectOf("policy")?.Members ?? [])
            lines[$"{Policy}{KeyText.Of(JsonValue.Of(name))}"] = $"policy  {KeyText.Of(JsonValue.Of(name))}  {KeyText.Of(value)}";
        foreach (var (name, value) in answer.ObjectOf("pending")?.Members ?? [])
            lines[$"{Staged}{KeyText.Of(JsonValue.Of(name))}"] = $"waits for a reboot  {KeyText.Of(JsonValue.Of(name))}  {KeyText.Of(value)}";
        return lines;
    }
}
