using System.Text;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class ProjectionsTests : IDisposable
{
    private readonly LedgerFolder _folder = new();
    private readonly LedgerStore _store;
    private readonly History _history;

    public ProjectionsTests()
    {
        _store = _folder.Open();
        _history = new History(_store);
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Status_ShowsPolicyPendingAndTheTree()
    {
        _history.Set("TOR_ISOLATION", "mandatory");
        _history.Set(("RADIO_IDLE_TIMEOUT_MIN", JsonValue.Of(5)));
        _history.Set("KERNEL_HARDENING", "strict");
        var loaded = LedgerFold.Load(_store);
        Assert.Equal(
            "{\"policy\":{\"RADIO_IDLE_TIMEOUT_MIN\":5,\"TOR_ISOLATION\":\"mandatory\"},\"last_update\":1800000000,"
            + "\"pending\":{\"KERNEL_HARDENING\":\"strict\"},\"size\":3,\"root_hash\":\"" + Convert.ToHexStringLower(loaded.Tree.Root()) + "\"}\n",
            Encoding.UTF8.GetString(Projections.Status(loaded.State, _history.Schema, loaded.LastTimeSeconds, loaded.Tree)));
    }

    [Fact]
    public void Pending_IsTwoCommentsABlankLineAndTheKeysInOrder()
    {
        _history.Mode = "staged";
        _history.Set("KERNEL_HARDENING", "strict");
        _history.Set(("DURESS.enabled", JsonValue.Of(true)));
        _history.Set(("RADIO_IDLE_TIMEOUT_MIN", JsonValue.Of(0)), ("CRYPTO_BACKEND", JsonValue.Of("hybrid")));
        var lines = Projections.Pending(_history.State, _history.Schema).Split('\n');
        Assert.StartsWith("# ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("# ", lines[1], StringComparison.Ordinal);
        Assert.Equal(
            ["", "CRYPTO_BACKEND=hybrid", "DURESS.enabled=(hidden)", "KERNEL_HARDENING=strict", "RADIO_IDLE_TIMEOUT_MIN=0", ""], lines[2..]);
    }

    [Fact]
    public void Attack40_ConfidentialValues_AreInNoProjection()
    {
        _history.Set("DURESS.gesture", "triple-power");
        var status = Encoding.UTF8.GetString(Projections.Status(_history.State, _history.Schema));
        Assert.Contains("\"DURESS.gesture\":\"(hidden)\"", status, StringComparison.Ordinal);
        Assert.DoesNotContain("triple", status, StringComparison.Ordinal);
    }
}
