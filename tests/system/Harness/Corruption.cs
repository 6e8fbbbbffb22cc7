namespace Qwamos.SystemTests.Harness;

/// <summary>Changes to the bytes of a file, drawn from a seeded source.</summary>
internal sealed class Corruption(Random random)
{
    /// <summary>One byte is another one; gives its place.</summary>
    public (byte[] Bytes, int At) Flip(byte[] original, int from = 0)
    {
        byte[] bytes = [.. original];
        int at = random.Next(from, bytes.Length);
        bytes[at] ^= (byte)random.Next(1, 256);
        return (bytes, at);
    }

    /// <summary>Two units swapped, one dropped, one doubled, or the end cut off: never the same bytes again.</summary>
    public (byte[] Bytes, string What) Restructure(byte[] original, IReadOnlyList<Range> units)
    {
        while (true)
        {
            (int one, int other) = (random.Next(units.Count), random.Next(units.Count));
            (byte[] first, byte[] second) = (original[units[one]], original[units[other]]);
            List<byte[]> parts = [.. units.Select(unit => original[unit])];
            string what;
            switch (random.Next(4))
            {
                case 0:
                    (parts[one], parts[other], what) = (second, first, $"units {one} and {other} swapped");
                    break;
                case 1:
                    parts.RemoveAt(one);
                    what = $"unit {one} dropped";
                    break;
                case 2:
                    parts.Insert(one, first);
                    what = $"unit {one} doubled";
                    break;
                default:
                    int length = random.Next(original.Length);
                    (parts, what) = ([original[..length]], $"cut to {length} bytes");
                    break;
            }

            byte[] changed = [.. parts.SelectMany(part => part)];
            if (!changed.AsSpan().SequenceEqual(original))
                return (changed, what);
        }
    }

    /// <summary>A head, then units of one size; the last may be shorter.</summary>
    public static List<Range> Blocks(byte[] bytes, int size, int head = 0)
    {
        List<Range> units = head > 0 ? [0..head] : [];
        for (int at = head; at < bytes.Length; at += size)
            units.Add(at..Math.Min(at + size, bytes.Length));
        return units;
    }

    public static List<Range> Lines(byte[] bytes)
    {
        var units = new List<Range>();
        for (int at = 0, end; at < bytes.Length; at = end)
        {
            int length = bytes.AsSpan(at).IndexOf((byte)'\n');
            end = length < 0 ? bytes.Length : at + length + 1;
            units.Add(at..end);
        }

        return units;
    }
}
