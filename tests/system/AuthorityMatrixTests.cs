using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// Every command, and every policy key with its values, at the published programs, against role, threshold and the state of the keys: one expected outcome each, from a
/// table of the tests' own (<see cref="AuthorityTable"/>), and all must match.
/// </summary>
public sealed class AuthorityMatrixTests : IDisposable
{
    private const int FewestCases = 30_000;
    private const int FewestOfEach = 30;
    private const int MostShown = 10;
    private static readonly int[] Thresholds = [1, 2, 3];

    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void EveryCaseAtTheBus_HasItsOneOutcome_AndTheLedgerIsSound()
    {
        RunningProgram daemon = _trial.StartDaemon();
        // So that there is an entry, and a checkpoint over it.
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        Eventually.True(() => _trial.Ask("""{"msg":{"command":"get_proof","args":{"index":0}}}"""u8).Code() == "ok", "the first entry is in a checkpoint");
        string ledgerKey = _trial.Ask("""{"msg":{"command":"get_checkpoint"}}"""u8).GetProperty("key").GetString()!;

        var matrix = new AuthorityMatrix(_trial.BusSocket, isGateway: false, Roots.Of(_trial), _trial.Signer, ledgerKey);
        RunAll(matrix, "invalid_policy");
        JsonElement status = _trial.Status();
        Assert.Equal(1 + matrix.Entries, status.GetProperty("size").GetInt64());

        // Whoever reads it anew comes to the same.
        CommandResult audit = _trial.Client("audit", "verify");
        Assert.True(audit.ExitCode == 0, audit.Output + audit.Error);
        Assert.Equal(0, daemon.Stop());
        CommandResult fsck = Command.Run([Binaries.Daemon, "--root", _trial.Root, "fsck"]);
        Assert.True(fsck.ExitCode == 0, fsck.Output + fsck.Error);
        _trial.StartDaemon();
        Assert.Equal(PolicyModel.ShownBy(status), PolicyModel.ShownBy(_trial.Status()));
    }

    [Fact]
    public void EveryCaseAtTheGateway_HasItsOneOutcome_AndItStartsAgain()
    {
        RunningProgram gateway = _trial.StartGateway();
        Roots roots = Roots.Of(_trial);
        var matrix = new AuthorityMatrix(_trial.GatewaySocket, isGateway: true, roots, _trial.Signer, new OtherLedgerKey().VerifierKey($"qwamos/{roots.System}"));
        RunAll(matrix, "wrong_audience");
        JsonElement status = GatewayStatus();
        Assert.Equal(0, gateway.Stop());
        _trial.StartGateway();
        JsonElement again = GatewayStatus();
        Assert.Equal(status.GetProperty("trust").GetRawText(), again.GetProperty("trust").GetRawText());
        // What was staged last is by a key that counts still: the start applies it.
        foreach (JsonProperty value in status.GetProperty("policy").EnumerateObject())
            Assert.Equal(status.Pending(value.Name) ?? value.Value.ToString(), again.Policy(value.Name));
        Assert.NotNull(status.Pending("CRYPTO_BACKEND"));
        Assert.Equal(status.Pending("CRYPTO_BACKEND"), again.Policy("CRYPTO_BACKEND"));
    }

    /// <param name="matrix">The cases.</param>
    /// <param name="own">The outcome that only this program has.</param>
    private static void RunAll(AuthorityMatrix matrix, string own)
    {
        foreach (int threshold in Thresholds)
            matrix.Run(threshold);
        Assert.True(matrix.Wrong.Count == 0, $"{matrix.Wrong.Count} of {matrix.Cases} cases:\n{string.Join('\n', matrix.Wrong.Take(MostShown))}");
        Assert.True(matrix.Cases >= FewestCases, $"{matrix.Cases} cases");
        // Each outcome has its cases: a table that refuses everything would match nothing.
        string[] outcomes = ["bad_request", "bad_signature", own, "not_authorised", "ok", "unknown_command", "unknown_key"];
        Assert.Equal(outcomes.Order(StringComparer.Ordinal), matrix.Outcomes.Keys);
        Assert.All(matrix.Outcomes, outcome => Assert.True(outcome.Value >= FewestOfEach, $"{outcome.Key}: {outcome.Value} cases"));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", matrix.Outcomes.Select(outcome => $"{outcome.Key} {outcome.Value}")));
    }

    private JsonElement GatewayStatus() => _trial.Ask("""{"msg":{"command":"get_status"}}"""u8, _trial.GatewaySocket);
}
