using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Qwamos.Daemon.Delivery;
using Xunit;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>What domains said is found whoever asks how often, and each entry is read once, a few in a turn.</summary>
public sealed class InForceWordsTests
{
    private const long Size = InForceWords.MaxEntries * 3;
    private const long Newest = Size - (Size % 10) - 10;
    private readonly InForceWords _words;
    private int _reads;

    public InForceWordsTests() => _words = new InForceWords(index =>
    {
        _reads++;
        // Every tenth entry is a word about the change two before it.
        return index % 10 == 2 ? new InForceEntry(7, default!, new InForceStatement("gw", new string('a', 32), new EntryReference(index - 2, ""), ["RADIO_ISOLATION"], null, 7, "")) : null;
    });

    [Fact]
    public void Attack23_RecentChangesAreRemembered_AndNoTurnReadsMuch()
    {
        int turns = 0;
        var older = new OlderWords(Newest);
        for (; _words.Find(Newest, Size, older) is null; turns++)
            Assert.InRange(_reads, 1, InForceWords.EntriesPerTurn * (turns + 1));
        Assert.Equal(InForceWords.MaxEntries, _reads);
        for (int i = 0; i < 100; i++)
            Assert.Equal(Newest + 2, Assert.Single(_words.Find(Newest, Size, new OlderWords(Newest))!).Value.Entry);
        Assert.Equal(InForceWords.MaxEntries, _reads);
    }

    [Fact]
    public void OfAnOlderChange_ABoundedPartOfTheLedgerIsRead()
    {
        var older = new OlderWords(10);
        IReadOnlyDictionary<string, InForceWord>? said;
        do
            said = _words.Find(10, Size, older);
        while (said is null);
        Assert.Equal(12, Assert.Single(said).Value.Entry);
        Assert.InRange(_reads, InForceWords.MaxEntries, 2 * InForceWords.MaxEntries);
    }

    [Fact]
    public void WhatIsForgottenIsFoundAgain_AsTheLedgerGrows()
    {
        foreach (long size in new long[] { 100, 101, 5_000, 9_000, 20_000 })
        {
            foreach (long change in new long[] { 0, 50, 90, size - (size % 10) - 10 })
            {
                var older = new OlderWords(change);
                IReadOnlyDictionary<string, InForceWord>? said;
                do
                    said = _words.Find(change, size, older);
                while (said is null);
                Assert.Equal(change + 2, Assert.Single(said).Value.Entry);
            }
        }
    }
}
