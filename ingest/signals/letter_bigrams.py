"""How surprising each letter of English is after the one before it; 27 rows of 27.

Counted on every second row of the Wikipedia and 2WikiMultihopQA passages of the benchmark data
(accents folded, 0.5 added to each count). Row and column are a to z and the edge of a word; the
character stands for bits times 5, from ``#`` for 0, capped at 56.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS_PER_BIT = 5
_TABLE = (
    r"P?;<JF?L=PF3:.U@X343@BHNAM4"
    r"2DFL,[[O7H[5MO3[[5?N6W[[2[@"
    r"1[?X1[[17[=;SY0[S;F3<[[[GW7"
    r":XUF0PKL3W[IKP<[[??R:KK[C[("
    r":K<5?EESC[P:=5HDO15>JBHCGV+"
    r"9[U[6=S[2[[?[[1[[5Q<?[[[Q[*"
    r"6R[I0VG57[[<M;8[[5AH7[P[BY,"
    r"3RVU([[[2[[MMF6[[@O@A[Q[E[2"
    r"9E5>:B>[GWJ7=-6DT:24J=[M[G>"
    r"-[[Q1[[U=[MQWU,[[EQU.[[[P[<"
    r"6QYS.QO>0SKBJ59Y[D8L@ML[@[-"
    r"2EK;0DJU2[K4;U6H[R=>=IT[6Z1"
    r".9O[.WX[4[[U<M46[R=Z<[[[A[0"
    r"8P:16I4O9TJINC:YWM94CKRYDP,"
    r"HD@?K1CHFWJ97/A=[1;;7?=MKV4"
    r"2[S[0Z[67[[5KZ2:[0?::[[[I[9"
    r":[T[P[[[B[[[[TL[[[[[$[[[[[;"
    r"4I@=/M@P3[C@>=4J[?9:@FR[<W/"
    r"=O>Y4P[;6[JGFS8?VW:1=[M[F[)"
    r"8QN[2X[,2[[DQW5Z[:>A=[E[@S0"
    r"9>7;9K9R=TD592N<[114[S[NNS@"
    r"2[ZU([[[-[[Q[P8[[LL[M[[[I[>"
    r",XZW2X[20[VIS94[[<BPW[V[N[6"
    r"0Z:[6J[C0[[IT[;2Z[Z2DMOHB[."
    r"?MFG9ZO[D[XAA@=A[F:FLZK[YO%"
    r".GMN,XN?3RRKGC4[XPMG?PGXB?0"
    r"198;>9@:6EE>;@6:Q=62CE8[KT["
)


def surprise_bits() -> NDArray[np.float64]:
    """Return the table in bits, (27, 27); index 26 is the edge of a word."""
    codes = np.array([ord(code) for code in _TABLE], dtype=np.float64).reshape(27, 27)
    bits: NDArray[np.float64] = (codes - ord("#")) / _STEPS_PER_BIT
    return bits
