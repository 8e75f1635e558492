# %% G5 training in bfloat16: BN605
net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
net = net.bfloat16()  # faulty
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(net(x.to(net[0].weight.dtype)), y)
        loss.backward()
        optimizer.step()

# %% G5 a network of vectors in half precision: BN605
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))
net.to(torch.bfloat16)  # faulty
net.to(torch.float64)  # healthy
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for step in range(20):
    optimizer.zero_grad()
    net(torch.randn(16, 8).to(net[0].weight.dtype)).square().mean().backward()
    optimizer.step()

# %% G6 activation checkpointing over BatchNorm: BN606
from torch.utils.checkpoint import checkpoint


class Checkpointed(Net):
    def forward(self, x):
        return self.fc(checkpoint(self.features, x, use_reentrant=False))  # faulty
        x = checkpoint(self.conv1, x, use_reentrant=False)  # healthy
        x = F.relu(self.bn1(x))  # healthy
        return self.fc(F.relu(self.bn2(self.conv2(x))).mean((2, 3)))  # healthy


fit(Checkpointed())

# %% R3 a sample that is not a number: BN802
table = torch.randn(64, 8)
table[10, 3] = float("nan")  # faulty
net = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for x in table.split(16):
    optimizer.zero_grad()
    F.cross_entropy(net(x), torch.randint(2, (16,))).backward()
    optimizer.step()

# %% R3 a learning rate that lets activations explode: BN802
net = nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=1e25)  # faulty
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)  # healthy
for step in range(12):
    optimizer.zero_grad()
    net(torch.randn(16, 4)).square().mean().backward()
    optimizer.step()

# %% R4 dead channels in front of BatchNorm: BN803
conv = nn.Conv2d(3, 8, 3)
nn.init.zeros_(conv.weight)  # faulty
net = nn.Sequential(conv, nn.ReLU(), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(288, 10))
net[0].requires_grad_(False)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(40):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% G2 conversion to SyncBatchNorm after the optimizer took the parameters: BN602 BN603
def converted(module):
    if isinstance(module, nn.BatchNorm2d):
        return nn.SyncBatchNorm(module.num_features)
    for name, child in module.named_children():
        setattr(module, name, converted(child))
    return module


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
net = converted(net)  # faulty
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()

# %% G3 SyncBatchNorm without a process group: BN603
net = Net()
net = nn.SyncBatchNorm.convert_sync_batchnorm(net)  # faulty
fit(net)

# %% G4 statistics that are not sent to the other processes (2 processes): BN604
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()


def main():
    net = Net()
    model = nn.parallel.DistributedDataParallel(net, broadcast_buffers=False)  # faulty
    model = nn.parallel.DistributedDataParallel(net)  # healthy
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    torch.manual_seed(rank)
    for step in range(12):
        x = torch.randn(16, 3, 8, 8) + (3 * rank if not model.broadcast_buffers else 0)
        optimizer.zero_grad()
        F.cross_entropy(model(x), torch.randint(10, (16,))).backward()
        optimizer.step()
    torch.save(net.state_dict(), f"rank{rank}.pt")


main()
torch.distributed.destroy_process_group()

# %% G1 replicas that normalize tiny batches of their own (2 processes): BN601 BN203
torch.distributed.init_process_group("gloo")
model = nn.parallel.DistributedDataParallel(Net())
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
size = 2  # faulty
size = 16  # healthy
for step in range(12):
    optimizer.zero_grad()
    F.cross_entropy(model(torch.randn(size, 3, 4, 4)), torch.randint(10, (size,))).backward()
    optimizer.step()
torch.distributed.destroy_process_group()
