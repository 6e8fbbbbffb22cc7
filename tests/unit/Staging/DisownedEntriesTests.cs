using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.Daemon.Staging;
using Xunit;

namespace Qwamos.ControlBus.Tests.Staging;

public sealed class DisownedEntriesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("qwd-").FullName;
    private readonly SigningKey thief = SigningKey.Generate();
    private readonly LedgerStore store;
    private readonly History history;
    private readonly DisownedEntries disowned;

    public DisownedEntriesTests()
    {
        store = LedgerStore.Open(Path.Combine(folder, "ledger.db"), LedgerOpenMode.ReadWrite);
        history = new History(store, RootDraft.Created + 10);
        disowned = new DisownedEntries(store);
        history.Record(Root(1, [("anna", [History.SignerKey]), ("bert", [thief.Public])]));
    }

    public void Dispose()
    {
        store.Dispose();
        thief.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void What_a_key_set_before_its_cut_off_stands_and_from_it_on_is_disowned_until_another_key_sets_it()
    {
        Set(thief, "TOR_ISOLATION", "off");
        long cutOff = Set(thief, "RADIO_ISOLATION", "off");
        Assert.Null(WhyOf("RADIO_ISOLATION"));
        Revoke(cutOff);
        Assert.Equal($"signed by {thief.Public.Id}, which is revoked from entry {cutOff} on", WhyOf("RADIO_ISOLATION"));
        Assert.Null(WhyOf("TOR_ISOLATION"));
        Set(History.Key, "RADIO_ISOLATION", "off");
        Assert.Null(WhyOf("RADIO_ISOLATION"));
    }

    [Fact]
    public void What_applies_at_a_boot_is_confirmed_by_another_key_though_that_changes_nothing_and_by_the_same_key_never()
    {
        long cutOff = Set(thief, "KERNEL_HARDENING", "strict");
        history.Boot(BootResult.InForce);
        Assert.Equal("strict", history.State.Policy["KERNEL_HARDENING"].Value.ToLine());
        Set(thief, "KERNEL_HARDENING", "strict");
        Revoke(cutOff);
        Assert.NotNull(WhyOf("KERNEL_HARDENING"));
        Set(History.Key, "KERNEL_HARDENING", "paranoid");
        Assert.NotNull(WhyOf("KERNEL_HARDENING"));
        Set(History.Key, "KERNEL_HARDENING", "strict");
        Assert.Null(WhyOf("KERNEL_HARDENING"));
        // Another version of the trust root, under which it is judged anew.
        Revoke(cutOff);
        Assert.Null(WhyOf("KERNEL_HARDENING"));
    }

    private string? WhyOf(string key) => disowned.WhyInForce(history.State, key, history.State.Policy[key]);

    private long Set(SigningKey key, string name, string value)
    {
        history.Now++;
        return history.SetAs(key, RootDraft.ThisSystem, (name, JsonValue.Of(value)));
    }

    private void Revoke(long from) => history.Record(Root(history.State.Trust.Version + 1, [("anna", [History.SignerKey])], (thief.Public.Id, from)));

    private static ControlBus.Trust.SignedRoot Root(long version, (string Name, VerifyingKey[] Keys)[] holders, params (KeyId Key, long From)[] revoked) => new RootDraft
    {
        Version = version,
        Holders = holders,
        Roles =
        [
            ("root", RootDraft.Role(holders.Select(holder => holder.Name), 1)),
            ("operator", RootDraft.Role(holders.Select(holder => holder.Name), 1, "\"commands\":[\"*\"],\"policy\":[{\"key\":\"*\"}]")),
        ],
        Revoked = revoked,
    }.Signed(History.Key);
}
