using System.Globalization;
using System.Text.RegularExpressions;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Every thread of the published programs is inside its Landlock domain, by the kernel's own account of their calls.</summary>
public sealed partial class ConfinementTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void EveryThreadOfTheBoot_IsInside() => AssertAllInside(trace => _trial.ApplyPending(trace));

    [Fact]
    public void EveryThreadOfTheDaemon_IsInside() => AssertAllInside(trace =>
    {
        using RunningProgram daemon = _trial.StartDaemon(trace);
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
    });

    [Fact]
    public void EveryThreadOfTheGateway_IsInside() => AssertAllInside(trace =>
    {
        _trial.Write("/etc/qwamos/gateway.json", """{"name":"vault","class":"gateway"}""");
        using RunningProgram gateway = _trial.StartGateway(trace);
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}"""), _trial.GatewaySocket).Code());
    });

    private void AssertAllInside(Action<string[]> run)
    {
        Needs.FaultInjection();
        string calls = _trial.At("/calls");
        run(["strace", "-f", "-qq", "-o", calls, "-e", "trace=execve,clone,clone3,landlock_restrict_self"]);

        var outside = new HashSet<int>();
        int entered = 0;
        foreach (string line in File.ReadAllLines(calls))
        {
            int thread = int.Parse(line.AsSpan(0, line.IndexOf(' ')), CultureInfo.InvariantCulture);
            if (outside.Count == 0 && entered == 0)
                outside.Add(thread);
            if (line.Contains("landlock_restrict_self", StringComparison.Ordinal) && line.EndsWith("= 0", StringComparison.Ordinal))
            {
                entered++;
                Assert.True(outside.Remove(thread), line);
            }
            else if (line.Contains("execve", StringComparison.Ordinal) && line.EndsWith("= 0", StringComparison.Ordinal))
            {
                // The others end; the one that is left has the ID of the first.
                int? first = outside.Contains(thread) ? thread : null;
                outside.Clear();
                outside.UnionWith(first is { } id ? [id] : []);
            }
            else if (line.Contains("clone", StringComparison.Ordinal) && MadeThread().Match(line) is { Success: true } made && outside.Contains(thread))
                outside.Add(int.Parse(made.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
        }
        Assert.True(entered > 0, "nothing was confined: " + string.Join('\n', File.ReadAllLines(calls)));
        Assert.Empty(outside);
    }

    [GeneratedRegex(@"= (\d+)$")]
    private static partial Regex MadeThread();
}
