using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.Daemon.Delivery;
using Xunit;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>The courier's file, which may be a hostile one's.</summary>
public sealed class DomainsFileTests : IDisposable
{
    private static readonly string Hash = new('a', 64);

    private readonly string _root = Directory.CreateTempSubdirectory("qwamos-domains-").FullName;
    private readonly SystemPaths _paths;

    public DomainsFileTests()
    {
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out _));
        _paths = paths;
        Directory.CreateDirectory(paths.CourierDir);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void WhatWasWritten_IsRead()
    {
        DomainsFile.Write(_paths, Hash, [KeyValuePair.Create("gw1", new DomainRow { Sequence = 7, Index = 9 }), KeyValuePair.Create("gw2", new DomainRow())]);
        Assert.True(DomainsFile.TryRead(_paths, 2, out IReadOnlyDictionary<string, DomainRow>? rows, out string? configuration, out string? fault), fault);
        Assert.Equal(Hash, configuration);
        Assert.Equal(["gw1", "gw2"], rows.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((7, 9), (rows["gw1"].Sequence, rows["gw1"].Index));
    }

    /// <summary>Read whole, these would be a gigabyte in the memory of the daemon that writes the ledger.</summary>
    [Fact]
    public void Attack24_ARowOfMillionsOfValues_CostsThatRow()
    {
        DomainsFile.Write(_paths, Hash, [KeyValuePair.Create("gw1", new DomainRow { Sequence = 7, Index = 9 })]);
        string text = File.ReadAllText(_paths.DomainsFile);
        Write(text.Replace("\"gw1\"", $"\"x\":[{string.Concat(Enumerable.Repeat("0,", 2_000_000))}0],\"gw1\"", StringComparison.Ordinal));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(DomainsFile.TryRead(_paths, 1, out IReadOnlyDictionary<string, DomainRow>? rows, out _, out string? fault), fault);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 32_000_000);
        Assert.Equal(7, Assert.Single(rows).Value.Sequence);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"format\":1")]
    [InlineData("{\"format\":1}")]
    [InlineData("{\"format\":2,\"domains\":{}}")]
    [InlineData("{\"format\":1,\"domains\":[]}")]
    [InlineData("{\"format\":1,\"domains\":{\"\\ud800\":{}}}")]
    [InlineData("{\"format\":1,\"domains\":{},\"more\":1}")]
    public void WhatTheCourierDoesNotWrite_IsAFault(string text)
    {
        Write(text);
        Assert.False(DomainsFile.TryRead(_paths, 1, out _, out _, out string? fault));
        Assert.NotEmpty(fault);
    }

    [Fact]
    public void Attack24_AFileWithoutEnd_IsAFault()
    {
        Write(new string(' ', 9 * 1024 * 1024));
        Assert.False(DomainsFile.TryRead(_paths, 1, out _, out _, out string? fault));
        Assert.NotEmpty(fault);
    }

    private void Write(string text) => File.WriteAllText(_paths.DomainsFile, text, new UTF8Encoding(false));
}
