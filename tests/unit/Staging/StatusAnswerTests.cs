using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Verification;
using Qwamos.Daemon;
using Qwamos.Daemon.Auditing;
using Qwamos.Daemon.Staging;
using Xunit;

namespace Qwamos.ControlBus.Tests.Staging;

public sealed class StatusAnswerTests
{
    [Fact]
    public void What_a_replaced_key_staged_is_said_to_be_refused_by_the_boot_until_it_is_set_again()
    {
        using var trial = new StagingTrial();
        using (LedgerStore store = LedgerStore.Open(trial.Paths.LedgerFile, LedgerOpenMode.ReadWrite))
            new History(store).Set("KERNEL_HARDENING", "strict");
        using Prepared start = trial.Prepare();
        PolicyState state = start.Loaded.State;
        var status = new StatusAnswer(
            start, new Checkpoints(start.LedgerKey, () => new PublishedState(state, start.Loaded.Tree, 0), trial.Time), () => new PublishedState(state, start.Loaded.Tree, 0),
            _ => [("gateways", JsonValue.Object())], () => false, () => null, () => new RequestCounts(), new StageTimes(), trial.Time);
        Assert.True(EnvelopeReader.TryRead(Encoding.UTF8.GetBytes("""{"msg":{"command":"get_status"}}"""), out Envelope? envelope, out _));
        var asked = new VerifiedMessage(envelope, [], 0);

        (_, JsonValue refused) = Assert.Single(status.Describe(asked), member => member.Name == "pending_refused");
        Assert.Equal($$"""{"KERNEL_HARDENING":"signed by {{History.Signer}}, which is not enrolled any more"}""", refused.ToString());

        state = state with { Staged = state.Staged.SetItem("KERNEL_HARDENING", state.Staged["KERNEL_HARDENING"] with { Index = 1 }) };
        Assert.DoesNotContain(status.Describe(asked), member => member.Name == "pending_refused");
    }

    [Theory]
    [InlineData("""{"domains":[]}""", """{"CLIPBOARD_ISOLATION":"no enforcer"}""")]
    [InlineData("""{"domains":[{"name":"ui","class":"ui","link":"unix:/run/ui.sock"}]}""", "{}")]
    public void A_key_of_the_user_interface_has_no_enforcer_where_there_is_no_such_domain(string domains, string enforcement)
    {
        using var trial = new StagingTrial();
        File.WriteAllText(trial.Paths.DomainsConfigFile, domains);
        using (LedgerStore store = LedgerStore.Open(trial.Paths.LedgerFile, LedgerOpenMode.ReadWrite))
            new History(store).Set("CLIPBOARD_ISOLATION", "strict");
        using Prepared start = trial.Prepare();
        PublishedState now = new(start.Loaded.State, start.Loaded.Tree, 0);
        var status = new StatusAnswer(
            start, new Checkpoints(start.LedgerKey, () => now, trial.Time), () => now, _ => [("gateways", JsonValue.Object())], () => false, () => null, () => new RequestCounts(), new StageTimes(), trial.Time);
        Assert.True(EnvelopeReader.TryRead(Encoding.UTF8.GetBytes("""{"msg":{"command":"get_status"}}"""), out Envelope? envelope, out _));
        Assert.Equal(enforcement, Assert.Single(status.Describe(new VerifiedMessage(envelope, [], 0)), member => member.Name == "enforcement").Value.ToString());
    }
}
